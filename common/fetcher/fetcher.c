/* SPDX-License-Identifier: ISC */
#include "fetcher/fetcher.h"

#include <stdlib.h>

#include "fetcher/internal.h"
#include "fetcher/multi.h"
#include "fetcher/trust.h"

enum sts_status
sts_fetcher_create(struct sts_fetcher **out, struct sts_loop *loop,
    struct sts_dns *dns, const struct sts_config *config)
{
	struct sts_fetcher *fetcher = calloc(1, sizeof(*fetcher));
	enum sts_status status;

	*out = NULL;
	if (fetcher == NULL)
		return STS_NO_MEMORY;
	fetcher->loop = loop;
	fetcher->dns = dns;
	fetcher->config = config;
	TAILQ_INIT(&fetcher->fetches);
	TAILQ_INIT(&fetcher->probes);
	status = sts_multi_create(&fetcher->multi, loop, sts_fetch_ended,
	    sts_fetch_fail_all, fetcher);
	if (status == STS_OK &&
	    (fetcher->trust = sts_trust_create(config)) == NULL)
		status = STS_NO_MEMORY;
	if (status == STS_OK)
		*out = fetcher;
	else
		sts_fetcher_destroy(fetcher);
	return status;
}

void
sts_fetcher_destroy(struct sts_fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	sts_fetch_close(fetcher);
	sts_mx_probe_close(fetcher);
	sts_multi_destroy(fetcher->multi);
	sts_trust_destroy(fetcher->trust);
	free(fetcher);
}
