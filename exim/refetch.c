/* SPDX-License-Identifier: ISC */
#include "exim/refetch.h"

#include <errno.h>

#include "base/config.h"
#include "client/ask.h"

enum { EXIM_OK = 0 };

static unsigned char nothing[1];

static void
refetch(const char *domain, const char *config_file)
{
	struct sts_config config;

	/* A failure is no news: the mail waits, and the next attempt asks. */
	if (sts_config_load(&config, config_file, NULL, NULL) == STS_OK)
		(void)sts_client_refetch(&config, domain);
	sts_config_free(&config);
}

int
mta_sts_refetch(unsigned char **yield, int argc, unsigned char *argv[])
{
	int saved_errno = errno;

	if (argc >= 1 && argc <= 2 && argv != NULL && argv[0] != NULL &&
	    (argc == 1 || argv[1] != NULL))
		refetch((const char *)argv[0],
		    argc == 2 ? (const char *)argv[1] : NULL);
	if (yield != NULL)
		*yield = nothing;
	errno = saved_errno;
	return EXIM_OK;
}
