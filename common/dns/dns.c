/* SPDX-License-Identifier: ISC */
#include "dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/child.h"
#include "base/fault.h"
#include "dns/channel.h"
#include "dns/nameserver.h"

enum {
	USUAL_SERVERS = 3,   /* as many as resolv.conf(5) allows */
	ATTEMPT_MIN = 100,   /* ms */
	ADDRESS_GRACE = 1000 /* ms for the other kind of address */
};

enum kind { KIND_TXT, KIND_MX, KIND_ADDRESS };

/* One of the at most two queries of a question. */
struct part {
	struct sts_dns_query *query;
	bool pending;
	struct sts_reply reply;
};

TAILQ_HEAD(query_list, sts_dns_query);

struct sts_dns {
	struct sts_loop *loop;
	const struct sts_config *config;
	bool open;         /* c-ares is initialised */
	char *nameservers; /* as c-ares wants them; NULL: the system's */
	struct query_list queries;
};

struct sts_dns_query {
	TAILQ_ENTRY(sts_dns_query) link;
	struct sts_dns *dns;
	struct sts_loop *loop;
	struct sts_channel *channel;
	struct sts_timer timer; /* the next retry, the deadline, the report */
	int64_t deadline_ms;
	enum sts_status fault; /* of the channel, once it is closed */
	enum kind kind;
	union {
		sts_dns_txt_done *txt;
		sts_dns_mx_done *mx;
		sts_dns_address_done *address;
	} done;
	void *arg;
	struct part part[2]; /* A and AAAA; else the first only */
};

static void arm(void *arg);

/* True for what no other answer could change. */
static bool
is_final(enum sts_status status)
{
	return status == STS_OK || status == STS_DNS_NXDOMAIN ||
	    status == STS_DNS_NODATA;
}

/* Takes the arrays over; `reply` goes back empty. */
static void
replied(void *arg, struct sts_reply *reply)
{
	struct part *part = arg;
	struct sts_dns_query *query = part->query;
	int64_t grace = sts_monotonic_ms() + ADDRESS_GRACE;

	part->pending = false;
	part->reply = *reply;
	*reply = (struct sts_reply){.status = reply->status};
	/* Some servers are silent about AAAA: one kind is enough to go on. */
	if (query->kind == KIND_ADDRESS && part->reply.status == STS_OK &&
	    grace < query->deadline_ms)
		query->deadline_ms = grace;
}

/* The end of a question. */

/*
 * From here on nothing can happen to the question any more, so that a callback
 * may do as it likes.
 */
static void
release(struct sts_dns_query *query)
{
	if (query->channel != NULL)
		query->fault = sts_channel_fault(query->channel);
	sts_channel_close(query->channel);
	query->channel = NULL;
	sts_timer_clear(query->loop, &query->timer);
	TAILQ_REMOVE(&query->dns->queries, query, link);
}

static void
discard(struct sts_dns_query *query)
{
	sts_reply_free(&query->part[0].reply);
	sts_reply_free(&query->part[1].reply);
	free(query);
}

/*
 * Any address will do.  Else a local fault, else a failure that leaves things
 * open, decides over "there is none" of the other kind: some servers answer
 * NXDOMAIN for AAAA where there is an A.
 */
static enum sts_status
combine(enum sts_status a, enum sts_status b)
{
	if (a == STS_OK || b == STS_OK)
		return STS_OK;
	if (sts_status_is_local(a))
		return a;
	if (sts_status_is_local(b))
		return b;
	if (!is_final(a))
		return a;
	if (!is_final(b))
		return b;
	return a == STS_DNS_NXDOMAIN ? a : b;
}

/*
 * A fault of this machine explains a failure, but not an answer: if one socket
 * could not be opened and another server answered, the answer holds.
 */
static enum sts_status
outcome(const struct sts_dns_query *query)
{
	enum sts_status status = query->part[0].reply.status, fault;

	if (query->kind == KIND_ADDRESS)
		status = combine(status, query->part[1].reply.status);
	if (is_final(status))
		return status;
	fault = query->fault != STS_OK ? query->fault : sts_fault_memory();
	return fault != STS_OK ? fault : status;
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
 * By preference, then by name: the wire's order is lost in newer c-ares.  The
 * null MX (RFC 7505) counts only where it stands alone.
 */
static void
sort_mx(struct sts_reply *reply)
{
	size_t kept = 0;

	for (size_t i = 0; i < reply->count; i++) {
		if (reply->hosts[i].host[0] != '\0')
			reply->hosts[kept++] = reply->hosts[i];
	}
	/* Several null MX and nothing else say what one says. */
	reply->count = kept > 0 ? kept : 1;
	qsort(reply->hosts, kept, sizeof(*reply->hosts), compare_mx);
	if (reply->count > STS_MX_MAX)
		reply->count = STS_MX_MAX;
}

/* v6 and v4 alternating, so that neither kind is crowded out. */
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

/* Always from a timer, so never out of c-ares or the call that asked. */
static void
report(void *arg)
{
	struct sts_dns_query *query = arg;
	struct sts_reply *reply = &query->part[0].reply;
	enum sts_status status;

	release(query);
	status = outcome(query);
	if (query->kind == KIND_TXT)
		query->done.txt(
		    query->arg, status, reply->records, reply->count);
	else if (query->kind == KIND_ADDRESS)
		report_address(query, status);
	else {
		if (status == STS_OK)
			sort_mx(reply);
		query->done.mx(query->arg, status, reply->hosts, reply->count);
	}
	discard(query);
}

/* The deadline is ours: c-ares only has a number of tries. */
static void
timer_due(void *arg)
{
	struct sts_dns_query *query = arg;

	if (sts_monotonic_ms() < query->deadline_ms) {
		sts_channel_retry(query->channel);
		arm(query);
	} else
		report(query);
}

/* Sets the timer for whatever comes next: a retry, the deadline, the end. */
static void
arm(void *arg)
{
	struct sts_dns_query *query = arg;
	int64_t left, retry;

	if (!query->part[0].pending && !query->part[1].pending) {
		sts_timer_set(query->loop, &query->timer, 0, report, query);
		return;
	}
	left = query->deadline_ms - sts_monotonic_ms();
	retry = sts_channel_next_ms(query->channel);
	sts_timer_set(query->loop, &query->timer, retry < left ? retry : left,
	    timer_due, query);
}

/* The beginning of a question. */

/*
 * One attempt's length, such that a dead first server leaves time for the
 * others, and that after a full round there is a second.
 */
static int
attempt_ms(const struct sts_dns *dns, int64_t timeout_ms)
{
	size_t servers = dns->config->nameserver_count;
	int64_t ms;

	if (servers < USUAL_SERVERS)
		servers = USUAL_SERVERS;
	ms = timeout_ms / (int64_t)(servers + 2);
	return ms < ATTEMPT_MIN ? ATTEMPT_MIN : (int)ms;
}

static struct sts_dns_query *
question(struct sts_dns *dns, int64_t timeout_ms, enum kind kind, void *arg)
{
	struct sts_dns_query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		return NULL;
	query->dns = dns;
	query->loop = dns->loop;
	query->kind = kind;
	query->arg = arg;
	query->deadline_ms = sts_monotonic_ms() + timeout_ms;
	for (size_t i = 0; i < 2; i++) {
		query->part[i].query = query;
		query->part[i].reply.status = STS_DNS_TIMEOUT;
	}
	TAILQ_INSERT_TAIL(&dns->queries, query, link);
	return query;
}

/*
 * c-ares would refuse a label that is too long, but ask for a name that is too
 * long as a whole.
 */
static enum sts_status
open_channel(struct sts_dns_query *query, const char *name, int64_t timeout_ms)
{
	struct sts_dns *dns = query->dns;
	enum sts_status status = STS_OK;

	if (strlen(name) > STS_NAME_MAX)
		return STS_DNS_NXDOMAIN;
	if (dns->nameservers == NULL)
		status = sts_nameserver_check_system();
	if (status != STS_OK)
		return status;
	return sts_channel_open(&query->channel, dns->loop, dns->nameservers,
	    attempt_ms(dns, timeout_ms), arm, query);
}

/* What fails at once is reported later, as everything else is. */
static void
ask(struct sts_dns_query *query, const char *name, int64_t timeout_ms,
    const enum sts_record_type *types, size_t count)
{
	enum sts_status status = open_channel(query, name, timeout_ms);

	for (size_t i = 0; i < count; i++) {
		struct part *part = &query->part[i];

		if (status != STS_OK) {
			part->reply.status = status;
			continue;
		}
		part->pending = true;
		if (!sts_channel_ask(
			query->channel, name, types[i], replied, part)) {
			part->pending = false;
			part->reply.status = STS_NO_MEMORY;
		}
	}
	arm(query);
}

struct sts_dns_query *
sts_dns_txt(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_txt_done *done, void *arg)
{
	static const enum sts_record_type types[] = {STS_TYPE_TXT};
	struct sts_dns_query *query = question(dns, timeout_ms, KIND_TXT, arg);

	if (query == NULL)
		return NULL;
	query->done.txt = done;
	ask(query, name, timeout_ms, types, 1);
	return query;
}

struct sts_dns_query *
sts_dns_mx(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_mx_done *done, void *arg)
{
	static const enum sts_record_type types[] = {STS_TYPE_MX};
	struct sts_dns_query *query = question(dns, timeout_ms, KIND_MX, arg);

	if (query == NULL)
		return NULL;
	query->done.mx = done;
	ask(query, name, timeout_ms, types, 1);
	return query;
}

struct sts_dns_query *
sts_dns_address(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_address_done *done, void *arg)
{
	static const enum sts_record_type types[] = {STS_TYPE_A, STS_TYPE_AAAA};
	struct sts_dns_query *query =
	    question(dns, timeout_ms, KIND_ADDRESS, arg);

	if (query == NULL)
		return NULL;
	query->done.address = done;
	ask(query, name, timeout_ms, types, 2);
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
	dns->config = config;
	TAILQ_INIT(&dns->queries);
	status = sts_nameserver_list(&dns->nameservers, config);
	if (status == STS_OK)
		status = sts_channel_library_start();
	dns->open = status == STS_OK;
	if (status == STS_OK)
		*out = dns;
	else
		sts_dns_destroy(dns);
	return status;
}

void
sts_dns_destroy(struct sts_dns *dns)
{
	struct sts_dns_query *query;

	if (dns == NULL)
		return;
	while ((query = TAILQ_FIRST(&dns->queries)) != NULL)
		sts_dns_cancel(query);
	if (dns->open)
		sts_channel_library_stop();
	free(dns->nameservers);
	free(dns);
}
