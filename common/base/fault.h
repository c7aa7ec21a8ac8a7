/* SPDX-License-Identifier: ISC */
/*
 * Distinguishes failures of this machine from those of the network.  Libraries
 * report both as "could not connect", and recording a lack of descriptors
 * against a domain would mean "this domain has no policy".
 */
#ifndef STS_BASE_FAULT_H
#define STS_BASE_FAULT_H

#include "base/status.h"

/*
 * The local fault that an errno of socket(2) means, or STS_OK if the network is
 * to blame (no IPv6 here, no route).
 */
enum sts_status sts_fault_socket(int error, int family);

/*
 * The same for connect(2), TCP: STS_NETWORK if this machine forbids it or has
 * no address to connect from.  No route is STS_OK here.
 */
enum sts_status sts_fault_connect(int error, int family);

/* The same for reading and writing. */
enum sts_status sts_fault_traffic(int error);

/*
 * STS_NO_DESCRIPTORS if this process cannot open two descriptors now, else
 * STS_OK: for libraries that do not report errno.
 */
enum sts_status sts_fault_descriptors(void);

/* STS_NO_MEMORY if not even 1 MiB can be allocated, else STS_OK: likewise. */
enum sts_status sts_fault_memory(void);

#endif
