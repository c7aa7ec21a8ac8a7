/* SPDX-License-Identifier: ISC */
#include "fetcher/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/fault.h"
#include "fetcher/sandbox.h"

/* Begins a connection: its immediate errno, or 0 and the local address. */
static int
try_connect(
    const struct sts_address *address, uint16_t port, struct sts_address *from)
{
	struct sts_address to = *address;
	int family = to.u.sa.sa_family, error = 0;
	socklen_t len = family == AF_INET6 ? sizeof(to.u.v6) : sizeof(to.u.v4);
	socklen_t from_len = sizeof(*from);
	int fd = sts_sandbox_socket(
	    family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	if (family == AF_INET6)
		to.u.v6.sin6_port = htons(port);
	else
		to.u.v4.sin_port = htons(port);
	if (connect(fd, &to.u.sa, len) != 0 && errno != EINPROGRESS)
		error = errno;
	else if (getsockname(fd, &from->u.sa, &from_len) != 0)
		error = errno;
	close(fd);
	return error;
}

/*
 * True if this machine has a route to the IPv6 internet: it may lack IPv4 by
 * intention.  Tests with a global address that is not in use: without a route
 * nothing is sent, else one SYN.  A dead router may leave a useless route, or
 * one from a local address (RFC 4291 2.5.6, RFC 4193), which does not count.
 */
static bool
has_ipv6(uint16_t port)
{
	struct sts_address global, from = {0};

	return sts_address_parse("2000::1", &global) &&
	    try_connect(&global, port, &from) == 0 &&
	    (from.u.v6.sin6_addr.s6_addr[0] & 0xe0) == 0x20; /* 2000::/3 */
}

enum sts_status
sts_route_fault_errno(int error, int family, uint16_t port)
{
	if (error == ENETUNREACH && family == AF_INET)
		return has_ipv6(port) ? STS_OK : STS_NETWORK;
	return sts_fault_connect(error, family);
}

/*
 * IPv4 decides, since nearly every host has it, and IPv6 may be shut off on
 * purpose.  If any address can be tried, a missing route is no fault; a rule
 * that forbids the connection is.
 */
enum sts_status
sts_route_fault(
    const struct sts_address *addresses, size_t count, uint16_t port)
{
	enum sts_status fault = STS_OK;
	bool tried = false, forbidden = false;

	for (size_t i = 0; i < count; i++) {
		int family = addresses[i].u.sa.sa_family;
		struct sts_address from;
		int error = try_connect(&addresses[i], port, &from);
		enum sts_status status =
		    sts_route_fault_errno(error, family, port);

		if (status == STS_OK && error != ENETUNREACH &&
		    error != EADDRNOTAVAIL && error != EAFNOSUPPORT)
			tried = true;
		if (status != STS_OK && fault == STS_OK)
			fault = status;
		if (family == AF_INET && (error == EACCES || error == EPERM))
			forbidden = true;
	}
	return !tried || forbidden || fault == STS_NO_DESCRIPTORS ||
		fault == STS_NO_MEMORY
	    ? fault
	    : STS_OK;
}
