/* SPDX-License-Identifier: ISC */
/*
 * The sockets of c-ares: own functions, since c-ares reports every failure as
 * "connection refused", lacks zones in some versions, and may raise SIGPIPE.
 * They connect to one server, whatever address c-ares was given.
 */
#ifndef STS_DNS_SOCKET_H
#define STS_DNS_SOCKET_H

#include "base/status.h"
#include "dns/channel.h"
#include "dns/nameserver.h"

/*
 * The failure of a socket, for its attempt.  The caller empties it before each
 * call into c-ares: what ends within that call ends for this reason.
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
 * Installs the functions in a channel of c-ares (an ares_channel); the context
 * must outlive it.
 */
void sts_sockets_install(void *ares, struct sts_socket_context *context);

/*
 * Notes a failure with its errno (0: the server's zone is not an interface).
 * Only the first counts, since later ones are mostly its consequences.
 */
void sts_socket_note(
    struct sts_socket_context *context, enum sts_outcome outcome, int error);

#endif
