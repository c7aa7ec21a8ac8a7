/* SPDX-License-Identifier: ISC */
/*
 * Why no connection came about: was it this machine?  A rule of its own that
 * forbids it, or a machine without any route, says nothing of the host
 * (RFC 8461 3.3 is about hosts), and is recorded against none.
 */
#ifndef STS_FETCHER_ROUTE_H
#define STS_FETCHER_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "dns/address.h"

/*
 * The local fault, or STS_OK, after connections to these addresses failed.
 * Begins a connection to each once more, and closes it, since only the errno
 * of its own connect(2) tells about an address; never blocks.
 */
enum sts_status sts_route_fault(
    const struct sts_address *addresses, size_t count, uint16_t port);

/*
 * What the errno of one failed connect(2) means, as sts_fault_connect; and
 * STS_NETWORK for no route over IPv4 where there is none to the IPv6 internet
 * either, from a global address of this machine.
 */
enum sts_status sts_route_fault_errno(int error, int family, uint16_t port);

#endif
