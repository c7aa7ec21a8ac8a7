/* SPDX-License-Identifier: ISC */
/* `mta-sts config check` and `status`: whether the name servers answer. */
#ifndef STS_TOOL_CONFIG_NAMESERVERS_H
#define STS_TOOL_CONFIG_NAMESERVERS_H

#include <stddef.h>

#include "base/config.h"
#include "tool/config_check.h"

struct sts_nameserver_count {
	size_t asked; /* 0: the resolver could not query them */
	size_t answered;
};

/*
 * Has the resolver query each name server, as the owner of the state directory,
 * since a rule of this machine may stop just that user.  A server that does not
 * work is a warning while another one answers, and an error if none does.
 * Takes at most 2 s for each server, and fetches nothing.  Fills *count unless
 * NULL.
 */
void sts_check_nameservers(struct sts_findings *findings,
    const struct sts_config *config, struct sts_nameserver_count *count);

#endif
