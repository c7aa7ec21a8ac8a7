/* SPDX-License-Identifier: ISC */
/* Internal to exim: the seven arguments of mta_sts_event. */
#ifndef STS_EXIM_EVENT_ARGS_H
#define STS_EXIM_EVENT_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"

enum sts_event_kind {
	STS_EVENT_CONNECT, /* smtp:connect: the MX host has greeted */
	STS_EVENT_EHLO,    /* smtp:ehlo: it has answered EHLO */
	STS_EVENT_TLS,     /* tls:cert */
	STS_EVENT_DANE,    /* dane:fail */
	STS_EVENT_CLOSE,   /* tcp:close */
	STS_EVENT_DEFER,   /* msg:host:defer: the host will not do */
	STS_EVENT_END,     /* tcp:connect, other msg:... */
	STS_EVENT_NO_MX    /* mta-sts:no-mx, of our router's */
};

/* Everything borrows the arguments; a span of length 0 was "-". */
struct sts_event {
	enum sts_event_kind kind;
	const char *data;
	struct sts_span domain, host, address, source, mode;
	bool encrypted;          /* TLS is up */
	bool verified;           /* the certificate, by WebPKI or DANE */
	bool dane;               /* there are TLSA records */
	const char *config_file; /* NULL: the default */
	bool has_certificate;
	int64_t not_after; /* seconds since 1970; 0: unknown */
	const char *names; /* dNSNames, one a line */
};

/*
 * False for what is not counted: other events, callouts, mail with
 * "TLS-Required: No", and arguments of another form.
 */
bool sts_event_read(int argc, unsigned char *argv[], struct sts_event *event);

/*
 * True if Exim says that the host will not do because the TLS session failed,
 * not because STARTTLS was refused.
 */
bool sts_event_is_tls_error(const struct sts_event *event);

#endif
