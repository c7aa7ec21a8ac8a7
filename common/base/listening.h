/* SPDX-License-Identifier: ISC */
/*
 * The ports that processes listen on, as Linux shows them in /proc.  Elsewhere
 * all of this finds nothing.
 */
#ifndef STS_BASE_LISTENING_H
#define STS_BASE_LISTENING_H

#include <stdbool.h>
#include <stddef.h>

/* More are left out. */
enum { STS_SOCKETS_MAX = 1024, STS_PORTS_MAX = 64 };

/* Sockets that processes have open, by inode; {0} at first. */
struct sts_sockets {
	unsigned long inode[STS_SOCKETS_MAX];
	size_t count;
};

/* A TCP socket on which one of them listens. */
struct sts_port {
	unsigned long inode;
	unsigned number;
	bool v6;
};

struct sts_ports {
	struct sts_port port[STS_PORTS_MAX];
	size_t count;
};

/* Adds those of the process whose directory this is, such as "/proc/25". */
void sts_sockets_add(struct sts_sockets *sockets, const char *process);

/* Which of them listen, by `process`/net, such as "/proc/25" or "/proc". */
void sts_ports_find(struct sts_ports *ports, const struct sts_sockets *sockets,
    const char *process);

/* The first port of `before` that `now` lacks; NULL: none. */
const struct sts_port *sts_ports_lost(
    const struct sts_ports *now, const struct sts_ports *before);

/* Leaves a port out, of both families. */
void sts_ports_forget(struct sts_ports *ports, unsigned number);

#endif
