/* SPDX-License-Identifier: ISC */
/*
 * Distinguishes a failure of this machine from one of the network.  Libraries
 * report both as "could not connect"; recording the first as the second would
 * turn a lack of descriptors into "this domain has no policy".
 */
#ifndef STS_BASE_FAULT_H
#define STS_BASE_FAULT_H

#include "base/status.h"

/*
 * What an errno from socket(2) for an address family means: a local fault, or
 * STS_OK where the network is to blame (no IPv6 here, no route).
 */
enum sts_status sts_fault_socket(int error, int family);

/*
 * The same for connect(2), TCP: STS_NETWORK where this machine forbids it or
 * has no address to connect from.  No route is STS_OK here.
 */
enum sts_status sts_fault_connect(int error, int family);

/* The same for reading and writing. */
enum sts_status sts_fault_traffic(int error);

/*
 * STS_NO_DESCRIPTORS where this process cannot open two descriptors at this
 * moment, else STS_OK: for failures whose errno a library swallowed.
 */
enum sts_status sts_fault_descriptors(void);

/* STS_NO_MEMORY where not even 1 MiB is left, else STS_OK: likewise. */
enum sts_status sts_fault_memory(void);

#endif
