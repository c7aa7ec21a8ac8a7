/* SPDX-License-Identifier: ISC */
/*
 * The control questions to each name server, for an operator who wants to know
 * which of them works.
 */
#ifndef STS_DNS_CHECK_SERVERS_H
#define STS_DNS_CHECK_SERVERS_H

#include "base/config.h"
#include "base/status.h"
#include "dns/nameserver.h"

enum { STS_CHECK_MS = 2000 }; /* for each */

enum sts_health {
	STS_HEALTH_ANSWERED,    /* one of them usefully, see reply.h */
	STS_HEALTH_FAILED,      /* detail: the response code */
	STS_HEALTH_UNREACHABLE, /* detail: an errno */
	STS_HEALTH_NO_ZONE,     /* its zone is no interface of this machine */
	STS_HEALTH_UNUSABLE,    /* its text is no address */
	STS_HEALTH_SILENT,
	STS_HEALTH_GARBAGE /* what came is no answer */
};

typedef void sts_health_seen(void *arg, const struct sts_nameserver *server,
    enum sts_health health, int detail);

/*
 * Asks the servers of the configuration, else the system's, the control
 * questions, one server after the other, STS_CHECK_MS each at most, and calls
 * `seen` for each in turn.  STS_OK where each was asked, or a local fault.
 * Starts c-ares and runs a loop of its own.
 */
enum sts_status sts_nameservers_check(
    const struct sts_config *config, sts_health_seen *seen, void *arg);

#endif
