/* SPDX-License-Identifier: ISC */
/*
 * The control questions to each name server, to show the operator which of them
 * work.
 */
#ifndef STS_DNS_CHECK_SERVERS_H
#define STS_DNS_CHECK_SERVERS_H

#include "base/config.h"
#include "base/status.h"
#include "dns/nameserver.h"

enum { STS_CHECK_MS = 2000 }; /* for each */

enum sts_health {
	STS_HEALTH_ANSWERED,    /* at least one useful answer, see reply.h */
	STS_HEALTH_FAILED,      /* detail: the response code */
	STS_HEALTH_UNREACHABLE, /* detail: an errno */
	STS_HEALTH_NO_ZONE,     /* its zone is no interface of this machine */
	STS_HEALTH_UNUSABLE,    /* its text is no address */
	STS_HEALTH_SILENT,
	STS_HEALTH_GARBAGE /* what came is not an answer */
};

typedef void sts_health_seen(void *arg, const struct sts_nameserver *server,
    enum sts_health health, int detail);

/*
 * Sends the control questions to the configured servers, else the system's, one
 * server after the other, at most STS_CHECK_MS each, and calls `seen` for each.
 * STS_OK if all were asked, or a local fault.  Starts c-ares and runs its own
 * loop.
 */
enum sts_status sts_nameservers_check(
    const struct sts_config *config, sts_health_seen *seen, void *arg);

#endif
