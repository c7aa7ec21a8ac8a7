/* SPDX-License-Identifier: ISC */
/*
 * Whether this machine is to blame for a failed connection.  A rule of its own
 * that forbids it, or the lack of any route, says nothing about the host (RFC
 * 8461 3.3 is about hosts), and is not recorded.
 */
#ifndef STS_FETCHER_ROUTE_H
#define STS_FETCHER_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "dns/address.h"

/*
 * The local fault, or STS_OK, after connections to these addresses failed.
 * Begins a connection to each once more, and closes it, since only an address's
 * own connect(2) has its errno; never blocks.
 */
enum sts_status sts_route_fault(
    const struct sts_address *addresses, size_t count, uint16_t port);

/*
 * The meaning of the errno of one failed connect(2), as sts_fault_connect; also
 * STS_NETWORK for a missing IPv4 route if there is none to the IPv6 internet
 * either.
 */
enum sts_status sts_route_fault_errno(int error, int family, uint16_t port);

#endif
