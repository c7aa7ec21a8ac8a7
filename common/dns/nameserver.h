/* SPDX-License-Identifier: ISC */
/*
 * Which name servers are asked: those of the configuration, else the
 * system's, as resolv.conf(5) lists them.
 */
#ifndef STS_DNS_NAMESERVER_H
#define STS_DNS_NAMESERVER_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/config.h"

enum {
	STS_NAMESERVER_TEXT = 96, /* longest form, and NUL */
	STS_SYSTEM_SERVERS = 3    /* more lines are ignored, as libc does */
};

struct sts_nameserver {
	char text[STS_NAMESERVER_TEXT]; /* as it was written */
	bool usable;                    /* false: this text is no address */
	bool implied;                   /* the system's file names none */
	char zone[IF_NAMESIZE];         /* of the address, or "" */
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u;
};

struct sts_nameserver_list {
	size_t count;
	struct sts_nameserver server[STS_NAMESERVERS_MAX];
};

/*
 * Takes "address", "address:port", "[address]" or "[address]:port"; an IPv6
 * address may have a zone ("fe80::1%eth0"), the port is 1 to 65535, and 53
 * where there is none.  False, and not usable, for any other text.
 */
bool sts_nameserver_parse(struct sts_nameserver *server, const char *text);

/*
 * The servers of the configuration; count 0 where it names none.  STS_CONFIG
 * for one that is no address.
 */
enum sts_status sts_nameserver_config(
    struct sts_nameserver_list *list, const struct sts_config *config);

/*
 * The servers of a file like resolv.conf(5): lines "nameserver ADDRESS", the
 * first three; everything else in it is ignored, its options too.  A text
 * that is no address stays in the list as a server that cannot be used: to
 * leave it out would hide why nothing is resolved.  No such file, or no such
 * line, means 127.0.0.1, as for libc.  A local fault where the file is there
 * and cannot be read.
 */
enum sts_status sts_nameserver_system(
    struct sts_nameserver_list *list, const char *path);

/*
 * Where to connect to.  A zone is looked up each time, since an interface may
 * come and go.  Returns the length of the address in *out, or 0 where the
 * server cannot be used or its zone is no interface of this machine.
 */
socklen_t sts_nameserver_address(
    const struct sts_nameserver *server, struct sockaddr_storage *out);

#endif
