/* SPDX-License-Identifier: ISC */
/*
 * Mail that left without the table being asked.
 *
 * Only smtpd can tell which rule of smtpd.conf applies to a message: its
 * grammar grows, and a configuration may be changed after the check.  So the
 * filter watches what happens: if a host accepted mail for a domain that
 * enforces, and smtpd had not asked the table for that domain's host within a
 * day, another rule sent the mail.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "opensmtpd/filter/filter.h"
#include "store/store.h"

enum {
	ASKED_MS = 86400 * 1000, /* an attempt takes minutes */
	AGAIN_MS = 3600 * 1000   /* between two lines about one domain */
};

/* Mail to this machine has not left: a hold listener, or a scanner. */
static bool
is_elsewhere(struct sts_filter *f, const char *address)
{
	struct sts_network n;

	return !sts_network_parse(address, &n) ||
	    !sts_networks_have(&f->networks, &n);
}

/* True if this domain may be logged; those that share its slot wait, too. */
static bool
may_report(struct sts_filter *f, const char *domain)
{
	int64_t now = sts_monotonic_ms();
	int64_t *next = &f->unprotected_ms[sts_hashmap_hash(domain) %
	    STS_UNPROTECTED_SLOTS];

	if (now < *next)
		return false;
	*next = now + AGAIN_MS;
	return true;
}

/* For `mta-sts status`.  If it cannot be written, the log has it. */
static void
record(struct sts_filter *f, const char *domain)
{
	struct sts_unprotected u = {.when = (int64_t)time(NULL)};
	struct sts_store *store;

	memcpy(u.domain, domain, strlen(domain) + 1);
	if (f->config.state_dir == NULL ||
	    sts_store_open(&store, f->config.state_dir, true) != STS_OK)
		return;
	(void)sts_store_write_unprotected(store, &u);
	sts_store_close(store);
}

void
sts_unprotected_check(
    struct sts_filter *f, const char *address, const char *domain)
{
	int64_t asked = sts_delivery_log_noted(&f->asked, domain);
	struct sts_domain_state k;

	if (asked > sts_delivery_log_now() - ASKED_MS ||
	    !is_elsewhere(f, address))
		return;
	sts_domain_state_read(&f->config, domain, false, &k);
	if (k.verdict == STS_VERDICT_ENFORCE && may_report(f, domain)) {
		sts_log(STS_LOG_ERROR, domain, "event=unprotected address=%s",
		    address);
		record(f, domain);
	}
	sts_domain_state_free(&k);
}
