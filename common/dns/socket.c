/* SPDX-License-Identifier: ISC */
/* The calls that c-ares 1.18 and 1.34 share are marked deprecated in 1.34. */
#define CARES_NO_DEPRECATED

#include "dns/socket.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ares.h>

#include "base/fault.h"

void
sts_socket_note(
    struct sts_socket_context *context, enum sts_outcome outcome, int error)
{
	struct sts_trouble *trouble = &context->trouble;
	enum sts_status fault = sts_fault_traffic(error);

	if (trouble->outcome != STS_ANSWERED)
		return;
	if (outcome == STS_FAULT && fault == STS_OK)
		fault = STS_NO_DESCRIPTORS;
	if (fault != STS_OK)
		outcome = STS_FAULT;
	*trouble = (struct sts_trouble){outcome, fault, error};
}

static bool
is_tcp(int fd)
{
	int type = SOCK_DGRAM;
	socklen_t len = sizeof(type);

	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_STREAM;
}

/*
 * A server that answered over UDP and refuses TCP is not unreachable; one that
 * this machine forbids to contact is.
 */
static void
note_traffic(struct sts_socket_context *context, int fd, int error)
{
	bool ours = error == EACCES || error == EPERM ||
	    error == EADDRNOTAVAIL || error == ENETUNREACH || error == EINVAL;

	sts_socket_note(
	    context, ours || !is_tcp(fd) ? STS_UNREACHABLE : STS_LOST, error);
}

/* c-ares relies on these functions for non-blocking sockets. */
static ares_socket_t
open_socket(int family, int type, int protocol, void *arg)
{
	struct sts_socket_context *context = arg;
	int fd, saved;

	family = context->server->at.u.sa.sa_family;
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	saved = errno;
	if (fd < 0)
		sts_socket_note(context, STS_UNREACHABLE, saved);
	errno = saved;
	return fd;
}

static int
close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int
connect_socket(ares_socket_t fd, const struct sockaddr *placeholder,
    ares_socklen_t placeholder_len, void *arg)
{
	struct sts_socket_context *context = arg;
	struct sockaddr_storage address;
	socklen_t len = sts_nameserver_address(context->server, &address);
	int rc, saved;

	(void)placeholder;
	(void)placeholder_len;
	if (len == 0) {
		sts_socket_note(context, STS_UNREACHABLE, 0);
		errno = ENETUNREACH;
		return -1;
	}
	rc = connect(fd, (struct sockaddr *)&address, len);
	saved = errno;
	if (rc != 0 && saved == EAGAIN) /* every local port is in use */
		sts_socket_note(context, STS_FAULT, saved);
	else if (rc != 0 && saved != EINPROGRESS)
		note_traffic(context, fd, saved);
	errno = saved;
	return rc;
}

/* The address that c-ares compares the sender with. */
static void
write_placeholder(struct sockaddr *from, ares_socklen_t *from_len)
{
	struct sockaddr_in placeholder = {.sin_family = AF_INET,
	    .sin_port = htons(NS_DEFAULTPORT),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	if (from == NULL || *from_len < (ares_socklen_t)sizeof(placeholder))
		return;
	memcpy(from, &placeholder, sizeof(placeholder));
	*from_len = sizeof(placeholder);
}

static ares_ssize_t
receive(ares_socket_t fd, void *buf, size_t size, int flags,
    struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	ssize_t got = recv(fd, buf, size, flags);
	int saved = errno;

	if (got >= 0)
		write_placeholder(from, from_len);
	else if (saved != EAGAIN && saved != EWOULDBLOCK && saved != EINTR)
		note_traffic(arg, fd, saved);
	errno = saved;
	return got;
}

/*
 * The first error of a UDP socket may belong to an earlier question; only the
 * second counts here.  If this packet is refused, too, the earlier question
 * gets that error.
 */
static ares_ssize_t
send_vector(ares_socket_t fd, const struct iovec *vector, int count, void *arg)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)vector,
	    .msg_iovlen = (size_t)count};
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	int saved;

	if (sent < 0 && errno != EAGAIN && !is_tcp(fd))
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	saved = errno;
	if (sent < 0 && saved != EAGAIN)
		note_traffic(arg, fd, saved);
	errno = saved;
	return sent;
}

static const struct ares_socket_functions socket_functions = {
    open_socket, close_socket, connect_socket, receive, send_vector};

void
sts_sockets_install(void *ares, struct sts_socket_context *context)
{
	ares_set_socket_functions(ares, &socket_functions, context);
}
