/* SPDX-License-Identifier: ISC */
/*
 * What one process remembers of its probes and routes, in rings of fixed size:
 * which addresses were contacted recently, what the last probe of a host said,
 * which domains use a host.  All of this is in the store too, by domain; here
 * it is found by address and by host.
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
 * Seconds until a host may be probed again: a failed one sooner, since mail
 * waits for it.  `probed` 0 is never.
 */
int64_t sts_probe_again(int64_t probed, enum sts_status probe);

/* True where `probed`, in seconds since 1970, is less than `again` ago. */
bool sts_probe_is_recent(int64_t probed, int64_t again, int64_t now);

/* Notes that an address was contacted at `probed`. */
void sts_probe_memory_note_address(struct sts_probe_memory *memory,
    const char *address, int64_t probed, int64_t now);

/*
 * True where an address may be contacted, for whichever of its hosts: it was
 * not in the last STS_PROBE_RETRY seconds, nor STS_PROBES_AN_ADDRESS times in
 * STS_PROBE_AGAIN, and there is room to remember that it was.
 */
bool sts_probe_memory_may_contact(
    const struct sts_probe_memory *memory, const char *address, int64_t now);

/* The last result of a host, and the reverse: false where none is known. */
void sts_probe_memory_note_result(struct sts_probe_memory *memory,
    const char *host, int64_t probed, enum sts_status probe);
bool sts_probe_memory_result(const struct sts_probe_memory *memory,
    const char *host, int64_t *probed, enum sts_status *probe);

/* Notes that a domain's routes name a host. */
void sts_probe_memory_note_domain(
    struct sts_probe_memory *memory, const char *host, const char *domain);

/* Calls `each` with the domains so noted, while it returns true. */
void sts_probe_memory_domains(const struct sts_probe_memory *memory,
    const char *host, bool (*each)(void *arg, const char *domain), void *arg);

#endif
