/* SPDX-License-Identifier: ISC */
/* Internal to publish/: the checks of each part, called in this order. */
#ifndef STS_PUBLISH_CHECKS_H
#define STS_PUBLISH_CHECKS_H

#include "publish/publish.h"

enum { STS_CHECKS_TEXT = 1400 };

struct sts_checks {
	const struct sts_published *p;
	sts_publish_found *found;
	void *arg;
	bool has_policy;
	struct sts_policy policy; /* where has_policy */
};

/* The parts of a finding that are the same wherever it is found. */
struct sts_checks_rule {
	enum sts_publish_severity severity;
	enum sts_publish_part part;
	const char *token;
	const char
	    *fix; /* DOMAIN stands for the domain, HOST for the subject */
};

/* Defines one. */
#define STS_CHECKS_RULE(part, name, severity, token, advice) \
	static const struct sts_checks_rule name = {         \
	    severity, part, token, advice}

/* Reports one finding; `format` and what follows are its cause. */
void sts_checks_found(const struct sts_checks *c,
    const struct sts_checks_rule *rule, const char *subject, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* True if the DNS has answered, be it that there is nothing. */
bool sts_checks_is_answer(enum sts_status status);

/* Only the bytes that fit on a screen; for "%.*s". */
int sts_checks_shown(size_t len);

/*
 * Whether a failed handshake was for want of a TLS version that both have, by
 * OpenSSL's words.
 */
bool sts_checks_is_old_tls(const char *detail);

void sts_checks_domain(const struct sts_checks *c);
void sts_checks_record(const struct sts_checks *c);
void sts_checks_host(const struct sts_checks *c);
void sts_checks_policy(const struct sts_checks *c);
void sts_checks_mx(const struct sts_checks *c);
void sts_checks_reports(const struct sts_checks *c);

#endif
