/* SPDX-License-Identifier: ISC */
#ifndef STS_EXIM_REFETCH_H
#define STS_EXIM_REFETCH_H

/*
 * ${dlfunc{FILE}{mta_sts_refetch}{$domain}}, optionally with the configuration
 * file as second argument: for the router that defers because the domain's
 * policy permits none of its MX hosts.  Starts a resolver that fetches the
 * policy again, whatever its id says, since publishers correct the file and
 * forget the id; at most once in ten minutes.  Waits for the start alone, so
 * the next attempt finds the result.  Always succeeds, and sets *yield to an
 * empty string.
 */
__attribute__((visibility("default"))) int mta_sts_refetch(
    unsigned char **yield, int argc, unsigned char *argv[]);

#endif
