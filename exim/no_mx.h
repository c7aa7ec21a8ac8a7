/* SPDX-License-Identifier: ISC */
#ifndef STS_EXIM_NO_MX_H
#define STS_EXIM_NO_MX_H

/*
 * ${dlfunc{FILE}{mta_sts_no_mx}{$domain}}, optionally with the configuration
 * file as second argument: for the router that defers because no MX host is
 * left.  Always succeeds, and sets *yield to the reason, in static memory that
 * the next call overwrites:
 *
 *     no MX host of DOMAIN is permitted by its policy
 *     no permitted MX host of DOMAIN has a usable address (TOKEN)
 *
 * In the first case it also starts a resolver that fetches the policy again
 * even if its id is unchanged, since publishers correct the file and forget the
 * id; at most once in ten minutes, and without waiting: the next attempt finds
 * the result.  The MX hosts are those of the store or, if older than `recheck`,
 * looked up by a resolver, within the limits of mta_sts_query.
 */
__attribute__((visibility("default"))) int mta_sts_no_mx(
    unsigned char **yield, int argc, unsigned char *argv[]);

#endif
