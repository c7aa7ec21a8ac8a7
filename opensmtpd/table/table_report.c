/* SPDX-License-Identifier: ISC */
/*
 * What the table has to say for TLS reports (RFC 8460).
 *
 * Its answers are noted for the filter, which sees sessions fail but not for
 * whom.  And where the policy permits no MX host there is no session that the
 * filter could see, nor any event: then the table writes down the failure
 * itself, once for each attempt, though smtpd asks once for each envelope.
 */
#include <string.h>
#include <time.h>

#include "base/hashmap.h"
#include "client/record_session.h"
#include "core/outcome.h"
#include "opensmtpd/choose_mx.h"
#include "opensmtpd/delivery_log.h"
#include "opensmtpd/last_hosts.h"
#include "opensmtpd/table/table_answer.h"
#include "store/outcomes.h"

void
sts_table_report_host(
    struct sts_table *t, const struct sts_domain_state *k, const char *host)
{
	if (sts_config_reports(&t->config))
		sts_last_hosts_note(&t->hosts, k->domain, host);
}

/* Of two domains that share a slot each may be counted once too often. */
static bool
is_same_attempt(struct sts_table *t, const char *domain)
{
	uint64_t key = sts_hashmap_mix(sts_hashmap_hash(domain));
	size_t i = key % STS_TABLE_REFUSED_MAX;
	int64_t now = sts_delivery_log_now(), age = now - t->refused[i].ms;

	if (t->refused[i].key == key && age >= 0 && age < STS_ATTEMPT_AGAIN_MS)
		return true;
	t->refused[i].key = key;
	t->refused[i].ms = now;
	return false;
}

/* The host that the DNS names first stands for all of them. */
static void
fill(struct sts_outcome *o, const struct sts_domain_state *k,
    const struct sts_check *check)
{
	memcpy(o->domain, k->domain, sizeof(o->domain));
	if (k->routes.count > 0)
		memcpy(o->mx, k->routes.route[0].host, sizeof(o->mx));
	if (sts_outcomes_set_policy(o, &k->entry, check, o->time))
		return;
	o->result = STS_RESULT_VALIDATION_FAILURE;
	sts_copy_head(o->reason, STS_OUTCOME_MX_MISMATCH, sizeof(o->reason));
}

void
sts_table_report_refused(struct sts_table *t, const struct sts_domain_state *k)
{
	struct sts_outcome o = {.time = (int64_t)time(NULL)};
	struct sts_check check;
	struct sts_store *store;

	if (!sts_config_reports(&t->config) || !k->wants_reports ||
	    !k->has_policy || k->from_file || is_same_attempt(t, k->domain) ||
	    sts_store_open(&store, t->config.state_dir, false) != STS_OK)
		return;
	if (sts_store_read_check(store, k->domain, o.time, &check) == STS_OK) {
		fill(&o, k, &check);
		(void)sts_client_record_session(
		    store, &t->config, &o, &k->entry, &check);
	}
	sts_store_close(store);
}
