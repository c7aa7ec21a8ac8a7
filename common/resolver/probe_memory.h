/* SPDX-License-Identifier: ISC */
/*
 * One process's record of its probes and routes, in rings of fixed size: which
 * addresses were contacted recently, the last result of a host, which domains
 * use a host.  The store has all this by domain; here it is found by address
 * and by host.
 */
#ifndef STS_RESOLVER_PROBE_MEMORY_H
#define STS_RESOLVER_PROBE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"
#include "store/routes.h"

struct sts_probe_memory;

struct sts_probe_memory *sts_probe_memory_create(void); /* NULL: no memory */
void sts_probe_memory_destroy(struct sts_probe_memory *memory);

enum { STS_PROBES_AN_ADDRESS = 8 }; /* in STS_PROBE_AGAIN seconds */

/*
 * Seconds until a host may be probed again: fewer after a failure, since mail
 * waits.  `probed` is 0 for never.
 */
int64_t sts_probe_again(int64_t probed, enum sts_status probe);

/* True if `probed`, in seconds since 1970, is less than `again` ago. */
bool sts_probe_is_recent(int64_t probed, int64_t again, int64_t now);

/* Records that an address was contacted at `probed`. */
void sts_probe_memory_note_address(struct sts_probe_memory *memory,
    const char *address, int64_t probed, int64_t now);

/*
 * True if an address may be contacted, for any of its hosts: not if it was in
 * the last STS_PROBE_RETRY seconds, or STS_PROBES_AN_ADDRESS times in
 * STS_PROBE_AGAIN, or if there is no room to record it.
 */
bool sts_probe_memory_may_contact(
    const struct sts_probe_memory *memory, const char *address, int64_t now);

/* Records and returns the last result of a host; false if there is none. */
void sts_probe_memory_note_result(struct sts_probe_memory *memory,
    const char *host, int64_t probed, enum sts_status probe);
bool sts_probe_memory_result(const struct sts_probe_memory *memory,
    const char *host, int64_t *probed, enum sts_status *probe);

/* Records that a domain's routes name a host. */
void sts_probe_memory_note_domain(
    struct sts_probe_memory *memory, const char *host, const char *domain);

/* Calls `each` with the recorded domains, while it returns true. */
void sts_probe_memory_domains(const struct sts_probe_memory *memory,
    const char *host, bool (*each)(void *arg, const char *domain), void *arg);

#endif
