/* SPDX-License-Identifier: ISC */
/*
 * Which name servers are used: the configured ones, else the system's, as in
 * resolv.conf(5).
 */
#ifndef STS_DNS_NAMESERVER_H
#define STS_DNS_NAMESERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/config.h"
#include "base/config_value.h"

enum {
	STS_NAMESERVER_TEXT = 96, /* longest form, and NUL */
	STS_SYSTEM_SERVERS = 3    /* as in libc; further lines are ignored */
};

struct sts_nameserver {
	char text[STS_NAMESERVER_TEXT]; /* as written */
	bool usable;                    /* false: the text is not an address */
	bool implied;                   /* the system's file names none */
	struct sts_host_port at;
};

struct sts_nameserver_list {
	size_t count;
	struct sts_nameserver server[STS_NAMESERVERS_MAX];
};

/* As sts_host_port_parse.  False, and not usable, for any other text. */
bool sts_nameserver_parse(struct sts_nameserver *server, const char *text);

/*
 * The configured servers; count 0 if there are none.  STS_CONFIG if one is not
 * an address.
 */
enum sts_status sts_nameserver_config(
    struct sts_nameserver_list *list, const struct sts_config *config);

/*
 * The servers of a file like resolv.conf(5): the first three lines "nameserver
 * ADDRESS"; everything else is ignored, even options.  A text that is not an
 * address stays in the list as an unusable server, which shows why nothing is
 * resolved.  Without the file or such a line, 127.0.0.1, as in libc.  A local
 * fault if the file exists but cannot be read.
 */
enum sts_status sts_nameserver_system(
    struct sts_nameserver_list *list, const char *path);

/*
 * The address to connect to.  A zone is looked up each time, since interfaces
 * come and go.  Returns the length of *out, or 0 if the server is unusable or
 * its zone is not an interface of this machine.
 */
socklen_t sts_nameserver_address(
    const struct sts_nameserver *server, struct sockaddr_storage *out);

#endif
