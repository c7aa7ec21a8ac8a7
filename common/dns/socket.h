/* SPDX-License-Identifier: ISC */
/*
 * The sockets that c-ares uses: our own functions, since c-ares says
 * "connection refused" for all that can go wrong, has no zones on all
 * versions, and may raise SIGPIPE.  They lead to one server, whatever address
 * c-ares was given.
 */
#ifndef STS_DNS_SOCKET_H
#define STS_DNS_SOCKET_H

#include "base/status.h"
#include "dns/channel.h"
#include "dns/nameserver.h"

/*
 * What went wrong on a socket, as an attempt reports it.  The caller empties
 * it before each call into c-ares: what ends within that call ends for it.
 */
struct sts_trouble {
	enum sts_outcome outcome; /* STS_ANSWERED: nothing */
	enum sts_status fault;
	int error;
};

struct sts_socket_context {
	const struct sts_nameserver *server;
	struct sts_trouble trouble;
};

/*
 * Gives the functions to a channel of c-ares (an ares_channel), with a context
 * that outlives it.
 */
void sts_sockets_install(void *ares, struct sts_socket_context *context);

/*
 * Notes a failure with its errno (0: the server's zone is no interface).  The
 * first one is kept: those that follow are mostly its consequence.
 */
void sts_socket_note(
    struct sts_socket_context *context, enum sts_outcome outcome, int error);

#endif
