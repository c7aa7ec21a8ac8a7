/* SPDX-License-Identifier: ISC */
#include "dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/child.h"
#include "dns/schedule.h"
#include "dns/channel.h"
#include "dns/reply.h"
#include "dns/servers.h"

enum { ADDRESS_GRACE = 1000 /* ms for the other kind of address */ };

enum kind { KIND_TXT, KIND_MX, KIND_ADDRESS, KIND_TLSA };

/* One of the one or two queries of a question. */
struct part {
	struct sts_dns_query *query;
	bool pending;
	struct sts_ask ask;
	struct sts_reply reply;
};

TAILQ_HEAD(query_list, sts_dns_query);

struct sts_dns {
	struct sts_loop *loop;
	bool open; /* c-ares is initialised */
	struct sts_server_source *source;
	struct query_list queries, ended, reporting;
	struct sts_timer report; /* for ended questions */
};

struct sts_dns_query {
	TAILQ_ENTRY(sts_dns_query) link;
	struct sts_dns *dns;
	struct query_list *list; /* the list that it is in */
	struct sts_servers *servers;
	struct sts_timer grace;
	enum kind kind;
	union {
		sts_dns_txt_done *txt;
		sts_dns_mx_done *mx;
		sts_dns_address_done *address;
		sts_dns_count_done *count;
	} done;
	void *arg;
	struct part part[2]; /* A and AAAA; else the first only */
};

/* The end of a question. */

/*
 * After this nothing happens to the question any more, so a callback may do
 * anything.
 */
static void
release(struct sts_dns_query *query)
{
	sts_ask_stop(&query->part[0].ask);
	sts_ask_stop(&query->part[1].ask);
	sts_servers_release(query->servers);
	sts_timer_clear(query->dns->loop, &query->grace);
	TAILQ_REMOVE(query->list, query, link);
}

static void
move(struct sts_dns_query *query, struct query_list *list)
{
	TAILQ_REMOVE(query->list, query, link);
	query->list = list;
	TAILQ_INSERT_TAIL(list, query, link);
}

static void
discard(struct sts_dns_query *query)
{
	sts_reply_free(&query->part[0].reply);
	sts_reply_free(&query->part[1].reply);
	free(query);
}

static int
rank(enum sts_status status)
{
	switch (status) {
	case STS_OK:
		return 0;
	case STS_DNS_NXDOMAIN:
		return 3;
	case STS_DNS_NODATA:
		return 4;
	default:
		return sts_status_is_local(status) ? 1 : 2;
	}
}

/*
 * Any address is a success.  Otherwise a local fault, then an indefinite
 * failure, takes precedence over "none" of the other family: some servers
 * answer NXDOMAIN for AAAA although there is an A.
 */
static enum sts_status
combine(enum sts_status a, enum sts_status b)
{
	return rank(a) <= rank(b) ? a : b;
}

static int
compare_mx(const void *left, const void *right)
{
	const struct sts_mx *a = left, *b = right;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->host, b->host);
}

/*
 * Sorts by preference, then by name, since newer versions of c-ares lose the
 * order of the reply.  The null MX (RFC 7505) counts only if it is alone.
 */
static void
sort_mx(struct sts_reply *reply)
{
	size_t kept = 0;

	for (size_t i = 0; i < reply->count; i++) {
		if (reply->hosts[i].host[0] != '\0')
			reply->hosts[kept++] = reply->hosts[i];
	}
	/* Several null MX and nothing else count as one. */
	reply->count = kept > 0 ? kept : 1;
	qsort(reply->hosts, kept, sizeof(*reply->hosts), compare_mx);
	if (reply->count > STS_MX_MAX)
		reply->count = STS_MX_MAX;
}

/* Alternates v6 and v4, so that neither crowds out the other. */
static size_t
alternate(const struct sts_reply *v4, const struct sts_reply *v6,
    struct sts_address out[STS_ADDRESSES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < STS_ADDRESSES_MAX; i++) {
		if (i < v6->count && count < STS_ADDRESSES_MAX)
			out[count++] = v6->addresses[i];
		if (i < v4->count && count < STS_ADDRESSES_MAX)
			out[count++] = v4->addresses[i];
	}
	return count;
}

static void
report_address(struct sts_dns_query *query, enum sts_status status)
{
	struct sts_address addresses[STS_ADDRESSES_MAX];
	size_t count =
	    alternate(&query->part[0].reply, &query->part[1].reply, addresses);

	query->done.address(query->arg, status, addresses, count);
}

static void
report_one(struct sts_dns_query *query)
{
	struct sts_reply *reply = &query->part[0].reply;

	release(query);
	if (query->kind == KIND_TXT)
		query->done.txt(
		    query->arg, reply->status, reply->records, reply->count);
	else if (query->kind == KIND_TLSA)
		query->done.count(query->arg, reply->status, reply->count);
	else if (query->kind == KIND_ADDRESS)
		report_address(
		    query, combine(reply->status, query->part[1].reply.status));
	else {
		if (reply->status == STS_OK)
			sort_mx(reply);
		query->done.mx(
		    query->arg, reply->status, reply->hosts, reply->count);
	}
	discard(query);
}

/*
 * Always runs from a timer, never from c-ares or the call that asked; one timer
 * for all that have ended.  What ends from now on is reported in the next step.
 */
static void
report(void *arg)
{
	struct sts_dns *dns = arg;
	struct sts_dns_query *query;

	while ((query = TAILQ_FIRST(&dns->ended)) != NULL)
		move(query, &dns->reporting);
	while ((query = TAILQ_FIRST(&dns->reporting)) != NULL)
		report_one(query);
}

static void
end(void *arg)
{
	struct sts_dns_query *query = arg;
	struct sts_dns *dns = query->dns;

	if (TAILQ_EMPTY(&dns->ended))
		sts_timer_set(dns->loop, &dns->report, 0, report, dns);
	move(query, &dns->ended);
}

/* Takes over the arrays and leaves `reply` empty. */
static void
part_ended(void *arg, struct sts_reply *reply)
{
	struct part *part = arg;
	struct sts_dns_query *query = part->query;

	part->pending = false;
	part->reply = *reply;
	*reply = (struct sts_reply){.status = reply->status};
	if (!query->part[0].pending && !query->part[1].pending)
		end(query);
	/* Some servers ignore AAAA: one family is enough to go on. */
	else if (part->reply.status == STS_OK)
		sts_timer_set(
		    query->dns->loop, &query->grace, ADDRESS_GRACE, end, query);
}

/* The beginning of a question. */

static struct sts_dns_query *
question(struct sts_dns *dns, enum kind kind, void *arg)
{
	struct sts_dns_query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		return NULL;
	query->dns = dns;
	query->kind = kind;
	query->arg = arg;
	for (size_t i = 0; i < 2; i++) {
		query->part[i].query = query;
		query->part[i].reply.status = STS_DNS_TIMEOUT;
	}
	query->list = &dns->queries;
	TAILQ_INSERT_TAIL(query->list, query, link);
	return query;
}

/* c-ares would send a name that is too long as a whole.  NULL: no memory. */
static struct sts_dns_query *
ask(struct sts_dns *dns, enum kind kind, const char *name, int64_t timeout_ms,
    void *arg)
{
	static const enum sts_record_type types[][2] = {
	    [KIND_TXT] = {STS_TYPE_TXT},
	    [KIND_MX] = {STS_TYPE_MX},
	    [KIND_ADDRESS] = {STS_TYPE_A, STS_TYPE_AAAA},
	    [KIND_TLSA] = {STS_TYPE_TLSA}};
	size_t count = kind == KIND_ADDRESS ? 2 : 1;
	struct sts_dns_query *query = question(dns, kind, arg);
	enum sts_status status = STS_DNS_NXDOMAIN;

	if (query == NULL)
		return NULL;
	if (strlen(name) <= STS_NAME_MAX)
		status = sts_servers_take(&query->servers, dns->source);
	if (query->servers == NULL) {
		for (size_t i = 0; i < count; i++)
			query->part[i].reply.status = status;
		end(query);
		return query;
	}
	for (size_t i = 0; i < count; i++)
		query->part[i].pending = true;
	for (size_t i = 0; i < count; i++)
		sts_ask_start(&query->part[i].ask, dns->loop, query->servers,
		    name, types[kind][i], timeout_ms, part_ended,
		    &query->part[i]);
	return query;
}

/* Nothing is reported before the loop's next step. */
struct sts_dns_query *
sts_dns_txt(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_txt_done *done, void *arg)
{
	struct sts_dns_query *query = ask(dns, KIND_TXT, name, timeout_ms, arg);

	if (query != NULL)
		query->done.txt = done;
	return query;
}

struct sts_dns_query *
sts_dns_mx(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_mx_done *done, void *arg)
{
	struct sts_dns_query *query = ask(dns, KIND_MX, name, timeout_ms, arg);

	if (query != NULL)
		query->done.mx = done;
	return query;
}

struct sts_dns_query *
sts_dns_tlsa(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_count_done *done, void *arg)
{
	struct sts_dns_query *query =
	    ask(dns, KIND_TLSA, name, timeout_ms, arg);

	if (query != NULL)
		query->done.count = done;
	return query;
}

struct sts_dns_query *
sts_dns_address(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_address_done *done, void *arg)
{
	struct sts_dns_query *query =
	    ask(dns, KIND_ADDRESS, name, timeout_ms, arg);

	if (query != NULL)
		query->done.address = done;
	return query;
}

void
sts_dns_cancel(struct sts_dns_query *query)
{
	if (query == NULL)
		return;
	release(query);
	discard(query);
}

/* All questions. */

enum sts_status
sts_dns_create(struct sts_dns **out, struct sts_loop *loop,
    const struct sts_config *config)
{
	struct sts_dns *dns = calloc(1, sizeof(*dns));
	enum sts_status status;

	*out = NULL;
	if (dns == NULL)
		return STS_NO_MEMORY;
	dns->loop = loop;
	TAILQ_INIT(&dns->queries);
	TAILQ_INIT(&dns->ended);
	TAILQ_INIT(&dns->reporting);
	status = sts_channel_library_start();
	dns->open = status == STS_OK;
	if (status == STS_OK)
		status = sts_server_source_create(
		    &dns->source, loop, config, STS_SYSTEM_FILE);
	if (status == STS_OK)
		*out = dns;
	else
		sts_dns_destroy(dns);
	return status;
}

static void
cancel_all(struct query_list *list)
{
	struct sts_dns_query *query;

	while ((query = TAILQ_FIRST(list)) != NULL)
		sts_dns_cancel(query);
}

void
sts_dns_destroy(struct sts_dns *dns)
{
	if (dns == NULL)
		return;
	cancel_all(&dns->queries);
	cancel_all(&dns->ended);
	cancel_all(&dns->reporting);
	sts_timer_clear(dns->loop, &dns->report);
	sts_server_source_destroy(dns->source);
	if (dns->open)
		sts_channel_library_stop();
	free(dns);
}
