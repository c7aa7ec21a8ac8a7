/* SPDX-License-Identifier: ISC */
/*
 * The probe of an MX host: would mail to it go out under RFC 8461 4.2?
 *
 * Its addresses are looked up, mta-sts-fetcher connects to one, asks for
 * STARTTLS, and the certificate must chain to a trusted root and hold a dNSName
 * that matches the MX host's name (never the common name, "*" only as the whole
 * left-most label), under TLS 1.2 or later with SNI (7.1, 7.2).  No mail is
 * ever sent.
 */
#ifndef STS_RESOLVER_MX_PROBE_H
#define STS_RESOLVER_MX_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "resolver/fetch.h"

struct sts_mx_probe; /* one probe under way */

enum {
	STS_MX_PROBE_ADDRESSES = 2, /* of one host that are connected to */
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
	 * Asked before each connection: may this address be contacted now?
	 * NULL: any may.
	 */
	bool (*allow)(void *arg, const char *address);
};

struct sts_mx_probe_result {
	/*
	 * STS_OK; the class MX; STS_TOO_SOON where `allow` refused every
	 * address; a local fault.  Of two addresses one that is well makes
	 * the host well; otherwise the one with which we got further counts.
	 */
	enum sts_status status;
	/* The address that `status` is about, "" where none was contacted. */
	char address[STS_MX_PROBE_ADDRESS_TEXT];
	/*
	 * What the host or OpenSSL said: for people, may hold bytes from the
	 * network, goes to the log only.
	 */
	char detail[STS_WIRE_DETAIL_MAX];
};

/* `result` lasts until the callback returns. */
typedef void sts_mx_probe_done(
    void *arg, const struct sts_mx_probe_result *result);

/*
 * Starts a probe.  The callback comes once unless the probe is cancelled, and
 * never from within this call; `arg` is given to it and to spec->allow.  NULL
 * and no callback where there is no memory.
 */
struct sts_mx_probe *sts_mx_probe_start(const struct sts_fetch_context *context,
    const struct sts_mx_probe_spec *spec, sts_mx_probe_done *done, void *arg);

/* Ends it without calling back; NULL is allowed. */
void sts_mx_probe_cancel(struct sts_mx_probe *probe);

#endif
