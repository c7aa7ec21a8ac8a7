/* SPDX-License-Identifier: ISC */
/*
 * The probe of an MX host: would mail to it go out under RFC 8461 4.2?
 *
 * Its addresses are looked up, mta-sts-fetcher connects to one and says
 * STARTTLS, and the certificate must chain to a trusted root and have a dNSName
 * that matches the MX host's name (never the common name, "*" only as the whole
 * left-most label), under TLS 1.2 or later with SNI (7.1, 7.2).  It sends no
 * mail.
 */
#ifndef STS_RESOLVER_MX_PROBE_H
#define STS_RESOLVER_MX_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "resolver/fetch.h"

struct sts_mx_probe; /* one probe under way */

enum {
	STS_MX_PROBE_ADDRESSES = 2, /* of one host that are tried */
	STS_MX_PROBE_ADDRESS_TEXT = 46,
	STS_MX_PROBE_MS = 20000, /* for all of it, addresses included */
	STS_MX_PORT = 25
};

struct sts_mx_probe_spec {
	const char *host; /* normalised; used only during the call */
	uint16_t port;    /* STS_MX_PORT except in test programs */
	int64_t dns_timeout_ms;
	int64_t timeout_ms; /* at least dns_timeout_ms: the whole probe */
	/*
	 * Called before each connection: may this address be contacted now?
	 * NULL: always.
	 */
	bool (*allow)(void *arg, const char *address);
};

struct sts_mx_probe_result {
	/*
	 * STS_OK; the class MX; STS_TOO_SOON if `allow` refused every address;
	 * a local fault.  One of two addresses that works is enough; otherwise
	 * the result that got further counts.
	 */
	enum sts_status status;
	/* The address of `status`, "" if none was contacted. */
	char address[STS_MX_PROBE_ADDRESS_TEXT];
	/*
	 * A reply of the host or an error text of OpenSSL: for the log only,
	 * since it may contain bytes from the network.
	 */
	char detail[STS_WIRE_DETAIL_MAX];
};

/* `result` lasts until the callback returns. */
typedef void sts_mx_probe_done(
    void *arg, const struct sts_mx_probe_result *result);

/*
 * Starts a probe.  The callback comes once unless the probe is cancelled, and
 * never from within this call; it and spec->allow get `arg`.  NULL: no memory,
 * no callback.
 */
struct sts_mx_probe *sts_mx_probe_start(const struct sts_fetch_context *context,
    const struct sts_mx_probe_spec *spec, sts_mx_probe_done *done, void *arg);

/* Ends it without a callback; NULL is allowed. */
void sts_mx_probe_cancel(struct sts_mx_probe *probe);

#endif
