/* SPDX-License-Identifier: ISC */
/*
 * What the fetcher gives up before it reads its first request: it parses TLS,
 * certificates and HTTP of untrusted hosts, so an attacker may take it over.
 * Nothing of this machine can be reached from there: no file except the trust
 * roots, no child, no listening socket, no port except its own.
 *
 * Linux: no_new_privs, limits, Landlock and seccomp, as far as the kernel has
 * them; OpenBSD: pledge and unveil.  A denied call fails with EPERM or EACCES
 * and does not kill, since libraries may try what they do not need.
 */
#ifndef STS_FETCHER_SANDBOX_H
#define STS_FETCHER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"

enum { STS_SANDBOX_PORTS = 3 };

struct sts_sandbox_spec {
	/* Files and directories, with their contents, that may be read. */
	struct sts_names paths;
	uint16_t ports[STS_SANDBOX_PORTS]; /* TCP, to connect to; 0: none */
};

/*
 * Confines this process for good.  Never fails as a whole, since a fetcher that
 * does not start would stop mail.  Writes the parts in force into `text`, at
 * most `size` bytes, as "landlock,seccomp" or "none".
 */
void sts_sandbox_enter(
    const struct sts_sandbox_spec *spec, char *text, size_t size);

/*
 * Like socket(2), by a call whose arguments seccomp can see: the combined call
 * that some C libraries use on 32-bit machines hides them, and is denied.
 */
int sts_sandbox_socket(int family, int type, int protocol);

/*
 * The parts, in their order; each true if in force.  Landlock needs
 * no_new_privs, which sts_sandbox_enter sets.
 */
bool sts_sandbox_landlock(const struct sts_sandbox_spec *spec);
bool sts_sandbox_seccomp(void);

#endif
