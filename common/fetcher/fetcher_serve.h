/* SPDX-License-Identifier: ISC */
/*
 * The fetcher's work: reads requests from one pipe, many at a time, and writes
 * replies to another, as in wire.h.
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
	uint16_t plain_port; /* of http:, for an examination; 0: none */
	int in, out;         /* made non-blocking */
};

/*
 * Opens loop, libcurl and trust roots; all that must exist before the process
 * confines itself.  The spec's strings must outlive it; it lasts as long as the
 * process.  STS_NO_MEMORY, STS_NO_DESCRIPTORS.
 */
enum sts_status sts_server_create(
    struct sts_server **server, const struct sts_server_spec *spec);

/*
 * Writes the hello and serves until end of input, which ends pending requests.
 * STS_OK then; STS_BAD_LINE if the resolver writes nonsense or requests what
 * this process is not for; a local fault if it cannot continue.
 */
enum sts_status sts_server_run(
    struct sts_server *server, const struct sts_wire_hello *hello);

#endif
