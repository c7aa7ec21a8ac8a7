/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check` and `status`: do the name servers answer?
 */
#ifndef STS_TOOL_CONFIG_NAMESERVERS_H
#define STS_TOOL_CONFIG_NAMESERVERS_H

#include <stddef.h>

#include "base/config.h"
#include "tool/config_check.h"

struct sts_nameserver_count {
	size_t asked; /* 0: the resolver did not get that far */
	size_t answered;
};

/*
 * Has the resolver ask each name server one question, as the owner of the
 * state directory, since a rule of this machine may forbid just that user to.
 * A server that works is no finding; one that does not is a warning while
 * another one answers, and an error where none does.  At most 2 s a server.
 * Nothing is fetched.  *count is filled unless NULL.
 */
void sts_check_nameservers(struct sts_findings *findings,
    const struct sts_config *config, struct sts_nameserver_count *count);

#endif
