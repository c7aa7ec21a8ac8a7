/* SPDX-License-Identifier: ISC */
/*
 * What the fetcher gives up before it reads its first request: it parses TLS,
 * certificates and HTTP of hosts that it cannot trust, so an attacker may come
 * to run in it.  From there nothing of this machine is to be had: no file but
 * the trust roots, no child, no listening, no port but those it is for.
 *
 * Linux: no_new_privs, limits, Landlock and seccomp, as far as the kernel has
 * them; OpenBSD: pledge and unveil.  A denied call fails with EPERM or EACCES
 * and does not kill: libraries may try things that they can do without.
 */
#ifndef STS_FETCHER_SANDBOX_H
#define STS_FETCHER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STS_SANDBOX_PORTS = 2, STS_SANDBOX_PATHS = 48 };

struct sts_sandbox_spec {
	/* Files and directories, with what is below, that may be read. */
	const char *paths[STS_SANDBOX_PATHS];
	size_t path_count;
	uint16_t ports[STS_SANDBOX_PORTS]; /* TCP ports to connect to */
};

/*
 * Confines this process for good.  Never fails as a whole: a fetcher that did
 * not start would stop mail.  The parts in force go into `text`, as
 * "landlock,seccomp" or "none"; of at most `size` bytes.
 */
void sts_sandbox_enter(
    const struct sts_sandbox_spec *spec, char *text, size_t size);

/*
 * As socket(2), whose arguments seccomp can see on every machine: the one call
 * that some C libraries use on 32-bit machines hides them, so it is denied.
 */
int sts_sandbox_socket(int family, int type, int protocol);

/*
 * The parts of it, in their order; each true where it is in force.  Landlock
 * needs no_new_privs, which sts_sandbox_enter sets.
 */
bool sts_sandbox_landlock(const struct sts_sandbox_spec *spec);
bool sts_sandbox_seccomp(void);

#endif
