/* SPDX-License-Identifier: ISC */
/*
 * smtpd does nothing else while this answers, so an answer comes from two or
 * three small files; what is outdated, missing or in doubt is queued, and
 * looked up after the answer.
 *
 *	check	found		the strict action: verified TLS to a host
 *				that the policy permits
 *		not-found	the plain one
 *		error		smtpd says 451; an alias's mail may be lost
 *	lookup	found HOST	this delivery attempt goes there, or fails
 *		error		it fails, the mail stays in the queue
 *
 * A lookup is never answered "not-found", which smtpd treats as an error,
 * without the reason.
 */
#include "opensmtpd/table/table_answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "opensmtpd/choose_mx.h"
#include "opensmtpd/last_hosts.h"
#include "store/events.h"

enum { CONFIG_AGAIN_MS = 10000 };

/* Loads *config; config_status has the fault of the file. */
static void
read_config(struct sts_table *t, struct sts_config *config)
{
	t->config_ms = sts_monotonic_ms();
	t->config_status =
	    sts_config_load(config, t->config_file, sts_config_note_log, NULL);
	sts_log_open("table-mta-sts", STS_LOG_STDERR, config->log_level);
	if (t->config_status != STS_OK)
		sts_log(STS_LOG_ERROR, NULL, "event=config reason=%s",
		    sts_status_name(t->config_status));
}

void
sts_table_init(
    struct sts_table *table, const char *table_name, const char *config_file)
{
	static const char suffix[] = "-unknown";
	size_t len = strlen(table_name);

	memset(table, 0, sizeof(*table));
	table->config_file = config_file;
	table->unknown = len >= sizeof(suffix) - 1 &&
	    strcmp(table_name + len - (sizeof(suffix) - 1), suffix) == 0;
	table->may_wait = !table->unknown;
	table->waited_ms = INT64_MIN / 2;
	read_config(table, &table->config);
	sts_wanted_init(table);
	sts_attempts_init(&table->attempts, &table->config);
	sts_delivery_log_init(
	    &table->asked, &table->config, STS_DELIVERY_LOG_ASKED, true);
	sts_shared_file_init(
	    &table->hosts, &table->config, STS_LAST_HOSTS_FILE, true);
}

void
sts_table_close(struct sts_table *table)
{
	sts_worker_destroy(table->worker);
	sts_attempts_close(&table->attempts);
	sts_delivery_log_close(&table->asked);
	sts_shared_file_close(&table->hosts);
	sts_config_free(&table->config);
}

bool
sts_table_update(struct sts_table *table)
{
	enum sts_status before = table->config_status;
	struct sts_config config;

	read_config(table, &config);
	/* A file that cannot be read now does not end the old values. */
	if (table->config_status != STS_OK && before == STS_OK) {
		table->config_status = before;
		sts_config_free(&config);
		return false;
	}
	sts_attempts_close(&table->attempts);
	sts_delivery_log_close(&table->asked);
	sts_shared_file_close(&table->hosts);
	sts_config_free(&table->config);
	table->config = config;
	sts_worker_restart(table->worker);
	return table->config_status == STS_OK;
}

/* The text is the two strings joined. */
static void
set_reply(
    struct sts_reply *reply, enum sts_found found, const char *a, const char *b)
{
	reply->found = found;
	(void)snprintf(reply->text, sizeof(reply->text), "%s%s", a, b);
}

/* A fixed token: smtpd logs it as it is, and exits at a bar. */
static void
set_error(struct sts_reply *reply, enum sts_status why)
{
	set_reply(reply, STS_ERROR, sts_status_name(why), "");
}

/* Never looked up, according to the store; or its DNS failed then. */
static bool
is_unknown(const struct sts_domain_state *k)
{
	return k->domain[0] != '\0' &&
	    (k->verdict == STS_VERDICT_DEFER || k->lapsed);
}

/* Waits regardless of on-local-error: the domain is at fault, not we. */
static bool
must_wait(const struct sts_table *t, const struct sts_domain_state *k)
{
	return k->verdict == STS_VERDICT_DEFER &&
	    (!t->config.deliver_on_local_error ||
		sts_status_is_dns_trouble(k->why));
}

/*
 * Reads the key's data, waiting for a lookup if this domain was never looked up
 * and the table has not just waited for another.
 */
static void
read_known(struct sts_table *t, const char *key, bool routes,
    struct sts_domain_state *k)
{
	sts_domain_state_read(&t->config, key, routes, k);
	if (k->verdict != STS_VERDICT_DEFER || k->why != STS_NOT_FOUND ||
	    !t->may_wait ||
	    sts_monotonic_ms() - t->waited_ms < STS_TABLE_WAIT_AGAIN_MS)
		return;
	/* Routes, too: relayhost comes next, and must not wait again. */
	sts_wanted_wait(t, k->domain);
	t->waited_ms = sts_monotonic_ms();
	sts_domain_state_free(k);
	sts_domain_state_read(&t->config, key, routes, k);
}

/* A file that cannot be read may contain anything: gives no answer. */
static bool
refuse_unconfigured(struct sts_table *t, struct sts_reply *reply)
{
	if (t->config_status != STS_OK &&
	    sts_monotonic_ms() - t->config_ms >= CONFIG_AGAIN_MS)
		(void)sts_table_update(t);
	if (t->config_status == STS_OK)
		return false;
	if (t->unknown)
		set_reply(reply, STS_FOUND, "", "");
	else
		set_error(reply, t->config_status);
	return true;
}

/* For `mta-sts status`: one write, and rare. */
static void
note_deferral(const struct sts_table *t, const struct sts_domain_state *k,
    enum sts_status why)
{
	struct sts_store *store;

	if (k->domain[0] == '\0' || t->config.state_dir == NULL ||
	    sts_store_open(&store, t->config.state_dir, false) != STS_OK)
		return;
	(void)sts_events_deferred(store, k->domain, why, (int64_t)time(NULL));
	sts_store_close(store);
}

void
sts_table_check(
    struct sts_table *table, const char *key, struct sts_reply *reply)
{
	struct sts_domain_state k;

	if (refuse_unconfigured(table, reply))
		return;
	read_known(table, key, false, &k);
	if (table->unknown)
		set_reply(reply, is_unknown(&k) ? STS_FOUND : STS_NOT_IN_TABLE,
		    "", "");
	else if (k.verdict == STS_VERDICT_ENFORCE)
		set_reply(reply, STS_FOUND, "", "");
	else if (must_wait(table, &k)) {
		set_error(reply, k.why);
		note_deferral(table, &k, k.why);
	} else
		set_reply(reply, STS_NOT_IN_TABLE, "", "");
	sts_wanted_fresh(table, &k, STS_POLICY_ANSWERED);
	sts_domain_state_free(&k);
}

/* Answers, and notes what that says about the answer before. */
static void
give_host(struct sts_table *t, const struct sts_domain_state *k,
    const struct sts_route *route, struct sts_reply *reply)
{
	set_reply(reply, STS_FOUND, "smtp+tls://", route->host);
	sts_table_report_host(t, k, route->host);
	if (sts_may_probe(&t->config, k) &&
	    sts_attempts_note(&t->attempts, k->domain, route->host))
		sts_wanted_probe(t, route->host, k->domain);
}

void
sts_table_lookup(
    struct sts_table *table, const char *key, struct sts_reply *reply)
{
	int64_t now = (int64_t)time(NULL);
	const struct sts_route *route = NULL;
	enum sts_status status;
	struct sts_domain_state k;

	if (refuse_unconfigured(table, reply)) {
		set_error(reply, table->config_status);
		return;
	}
	read_known(table, key, true, &k);
	if (k.domain[0] != '\0')
		sts_delivery_log_note(&table->asked, k.domain);
	/*
	 * Never looked up: a host could be an attacker's.  A withdrawn policy
	 * is different: mail that was queued strictly stays strict.
	 */
	if (k.verdict == STS_VERDICT_DEFER || k.domain[0] == '\0')
		status = k.why;
	else if (k.routes_status != STS_OK)
		status = k.routes_status;
	else
		status = sts_choose_host(
		    &k.routes, sts_domain_state_policy(&k), now, &route);
	if (status == STS_OK && route != NULL)
		give_host(table, &k, route, reply);
	else {
		set_error(reply, status);
		note_deferral(table, &k, status);
	}
	/* The publisher may have fixed the policy and forgotten its id. */
	if (status == STS_NO_MATCH && k.has_policy) {
		sts_wanted_ask(table, STS_WORKER_REFETCH, k.domain);
		sts_table_report_refused(table, &k);
	}
	sts_wanted_fresh(table, &k, STS_HOST_ANSWERED);
	sts_domain_state_free(&k);
}

/* A connection failed while smtpd used this host. */
static void
on_failed(void *arg, const char *domain, const char *host)
{
	sts_wanted_probe(arg, host, domain);
}

void
sts_table_step(struct sts_table *table)
{
	sts_attempts_step(&table->attempts, on_failed, table);
	sts_worker_step(table->worker);
}

int64_t
sts_table_due_ms(const struct sts_table *table)
{
	return sts_min(sts_attempts_due_ms(&table->attempts),
	    sts_worker_due_ms(table->worker));
}
