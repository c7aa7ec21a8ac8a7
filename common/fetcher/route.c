/* SPDX-License-Identifier: ISC */
#include "fetcher/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/fault.h"
#include "fetcher/sandbox.h"

/*
 * The errno of a connection that does not come about at once, or 0; then also
 * the address of our own that it comes from.
 */
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
 * True where this machine has a route to the IPv6 internet: it may be one that
 * has no IPv4 by intention.  The address belongs to the range of global ones;
 * nothing is sent where there is no route, and a SYN to an unused one where
 * there is. A router that is gone, or whose own line is down, leaves a route to
 * nowhere behind, or one from an address that is good for the next wire only
 * (RFC 4291 2.5.6, RFC 4193): that is no internet.
 */
static bool
has_ipv6(uint16_t port)
{
	struct sts_address global, from = {0};

	return sts_address_parse("2000::1", &global) &&
	    try_connect(&global, port, &from) == 0 &&
	    (from.u.v6.sin6_addr.s6_addr[0] & 0xe0) == 0x20; /* 2000::/3 */
}

static enum sts_status
fault_of(int error, int family, uint16_t port)
{
	if (error == ENETUNREACH && family == AF_INET)
		return has_ipv6(port) ? STS_OK : STS_NETWORK;
	return sts_fault_connect(error, family);
}

enum sts_status
sts_route_fault_errno(int error, int family, uint16_t port)
{
	return fault_of(error, family, port);
}

/*
 * IPv4 decides: it is what nearly every host has, and a machine whose IPv6 is
 * shut off may be meant to be so.  One address that can be tried at all makes
 * a missing route no fault; a rule that forbids stays one.
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
		enum sts_status status = fault_of(error, family, port);

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
