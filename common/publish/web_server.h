/* SPDX-License-Identifier: ISC */
/*
 * The part of a web server's configuration that serves the policy file, and
 * nothing else, at https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461
 * 3.3): as text/plain, without a redirect, with TLS 1.2 or later.
 */
#ifndef STS_PUBLISH_WEB_SERVER_H
#define STS_PUBLISH_WEB_SERVER_H

#include <stdbool.h>
#include <stdio.h>

enum sts_web_server {
	STS_WEB_NGINX,
	STS_WEB_APACHE,
	STS_WEB_CADDY,
	STS_WEB_STATIC, /* someone else's: files in a folder */
	STS_WEB_COUNT
};

/* "nginx", "apache", "caddy", "static"; false: there is no such name. */
bool sts_web_server_named(const char *name, enum sts_web_server *server);

/*
 * Writes the lines for a normalised domain, whose files are below `root`, an
 * absolute path without blanks, quotes and the like (sts_web_root_is_plain).
 */
void sts_web_server_write(FILE *out, enum sts_web_server server,
    const char *domain, const char *root);

/* True if a path needs no quoting in any of the configurations. */
bool sts_web_root_is_plain(const char *root);

#endif
