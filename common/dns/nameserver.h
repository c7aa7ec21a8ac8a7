/* SPDX-License-Identifier: ISC */
/*
 * Which name servers are asked: those of the configuration, else the
 * system's.
 */
#ifndef STS_DNS_NAMESERVER_H
#define STS_DNS_NAMESERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"

/* "[", an IPv6 address, "]:", a port, NUL. */
enum { STS_NAMESERVER_TEXT = 64 };

/*
 * Rewrites "address", "address:port", "[address]" or "[address]:port" (IPv4
 * or IPv6, port 1 to 65535, 53 if absent) with brackets around IPv6 and with
 * the port.  Returns false where the text is none of these.
 */
bool sts_nameserver_rewrite(const char *text, char out[STS_NAMESERVER_TEXT]);

/*
 * The configured ones, comma-separated, in *list, which the caller frees;
 * NULL with STS_OK where none is configured.  STS_CONFIG for one that is no
 * address, STS_NO_MEMORY.
 */
enum sts_status sts_nameserver_list(
    char **list, const struct sts_config *config);

/*
 * Says whether the system's list can be read.  A file that is not there means
 * a name server on this host, which is fine; one that may not be read, or
 * cannot be for want of descriptors, is a local fault: c-ares would ask
 * 127.0.0.1 and take the refusal for the network's answer.
 */
enum sts_status sts_nameserver_check_system(void);

#endif
