/* SPDX-License-Identifier: ISC */
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum sts_status
sts_fault_socket(int error, int family)
{
	switch (error) {
	case EACCES:
	case EPERM:
		/* A rule of this machine, not of the peer. */
		return STS_NETWORK;
	case EAFNOSUPPORT:
		/* Lack of IPv6 is common, lack of IPv4 is a fault. */
		return family == AF_INET ? STS_INTERNAL : STS_OK;
	default:
		return sts_fault_traffic(error);
	}
}

/* An errno that is not named here may come from the peer or the network. */
enum sts_status
sts_fault_traffic(int error)
{
	/* For a moment there is nothing to read, or no room. */
	if (error == EAGAIN)
		return STS_OK;
	return error == ENOBUFS ? STS_NO_MEMORY
				: sts_status_shortage_or(error, STS_OK);
}

enum sts_status
sts_fault_connect(int error, int family)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return STS_NETWORK;
	case EAGAIN:
		/* All local ports are in use. */
		return STS_NO_DESCRIPTORS;
	case EADDRNOTAVAIL:
		/* For IPv6 also: no address of our own, which is common. */
		return family == AF_INET ? STS_NETWORK : STS_OK;
	default:
		return sts_fault_traffic(error);
	}
}

enum sts_status
sts_fault_descriptors(void)
{
	int pair[2];

	/* Two, as a library may want; the sandbox allows pipes. */
	if (pipe2(pair, O_CLOEXEC) != 0)
		return sts_fault_traffic(errno);
	close(pair[0]);
	close(pair[1]);
	return STS_OK;
}

enum sts_status
sts_fault_memory(void)
{
	/* volatile: a compiler may drop a pair of malloc and free */
	void *volatile probe = malloc(1024 * 1024);

	if (probe == NULL)
		return STS_NO_MEMORY;
	free(probe);
	return STS_OK;
}
