/* SPDX-License-Identifier: ISC */
#include "resolver/check_nameservers.h"

#include <errno.h>
#include <stdio.h>

#include "dns/check_servers.h"

static void
print_text(const char *text)
{
	for (; *text != '\0'; text++)
		(void)putchar(*text > ' ' && *text < 0x7f ? *text : '?');
}

static void
print_health(void *arg, const struct sts_nameserver *server,
    enum sts_health health, int detail)
{
	static const char *const names[] = {[STS_HEALTH_ANSWERED] = "answered",
	    [STS_HEALTH_FAILED] = "failed",
	    [STS_HEALTH_UNREACHABLE] = "unreachable",
	    [STS_HEALTH_NO_ZONE] = "no_interface",
	    [STS_HEALTH_UNUSABLE] = "unusable",
	    [STS_HEALTH_SILENT] = "silent",
	    [STS_HEALTH_GARBAGE] = "garbage"};
	bool refused =
	    health == STS_HEALTH_UNREACHABLE && detail == ECONNREFUSED;

	(void)arg;
	if (server->implied)
		(void)fputs("implied\n", stdout);
	(void)fputs("nameserver ", stdout);
	print_text(server->text);
	(void)printf(" %s", refused ? "refused" : names[health]);
	if (detail != 0 && !refused)
		(void)printf(" %d", detail);
	(void)putchar('\n');
	(void)fflush(stdout);
}

int
sts_print_nameservers(const struct sts_config *config)
{
	enum sts_status status =
	    sts_nameservers_check(config, print_health, NULL);

	if (status == STS_OK)
		return 0;
	(void)printf("fault %s\n", sts_status_name(status));
	return 3;
}
