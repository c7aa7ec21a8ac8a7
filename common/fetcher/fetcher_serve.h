/* SPDX-License-Identifier: ISC */
/*
 * The fetcher at work: requests from one pipe, many at a time, replies on
 * another, as wire.h has them.
 */
#ifndef STS_FETCHER_FETCHER_SERVE_H
#define STS_FETCHER_FETCHER_SERVE_H

#include <stdint.h>

#include "fetcher/wire.h"

struct sts_server;

struct sts_server_spec {
	const char *ca_file, *ca_path; /* NULL: OpenSSL's defaults */
	uint16_t port;                 /* of policy hosts */
	uint16_t mx_port;              /* of MX hosts */
	int in, out;                   /* made non-blocking */
};

/*
 * Opens loop, libcurl and trust roots; everything that has to be there before
 * the process confines itself.  The spec's strings must outlive it; it lasts
 * as long as the process.
 * STS_NO_MEMORY, STS_NO_DESCRIPTORS.
 */
enum sts_status sts_server_create(
    struct sts_server **server, const struct sts_server_spec *spec);

/*
 * Says hello and serves until end of input, which ends what is under way.
 * STS_OK then; STS_BAD_LINE where the resolver writes nonsense or asks for what
 * this process is not for; a local fault where it cannot go on.
 */
enum sts_status sts_server_run(
    struct sts_server *server, const struct sts_wire_hello *hello);

#endif
