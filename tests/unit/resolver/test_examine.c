/* SPDX-License-Identifier: ISC */
/*
 * The examination of a domain, over a loop, a DNS and probes of the test's, in
 * which time is a number: that it ends with all that it found when all is as
 * slow as can be, and whatever there is no memory for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/examine.h"
#include "resolver/fetch.h"
#include "resolver/mx_probe.h"
#include "tests/unit/lib/tap.h"

enum { EVENTS_MAX = 200, HOSTS = 16, ADDRESSES = 2, TEXT_MAX = 65536 };

/* What is under way, until `due`. */
struct event {
	int64_t due;
	void (*ends)(const struct event *e);
	void *arg;
	sts_dns_txt_done *txt;
	sts_dns_mx_done *mx;
	sts_dns_count_done *tlsa;
	sts_fetch_done *page;
	sts_mx_probe_done *probe;
	bool (*allow)(void *arg, const char *address);
};

static struct event events[EVENTS_MAX];
static size_t event_count;
static int64_t clock_ms;
static unsigned probes, fails_at; /* which probe is without memory; 0: none */
static bool all_fail;             /* and all after it */
static bool stuck;                /* it waits for what does not come */
static char said[TEXT_MAX];

static void *
add(int64_t ms, struct event e)
{
	if (event_count == EVENTS_MAX)
		return NULL;
	e.due = clock_ms + ms;
	events[event_count] = e;
	return &events[event_count++];
}

/* The loop. */

enum sts_status
sts_loop_create(struct sts_loop **loop)
{
	*loop = NULL;
	return STS_OK;
}

void
sts_loop_destroy(struct sts_loop *loop)
{
	(void)loop;
}

enum sts_status
sts_loop_step(struct sts_loop *loop, int max_wait_ms)
{
	struct event e;
	size_t first = 0;

	(void)loop;
	(void)max_wait_ms;
	if (event_count == 0) {
		stuck = true;
		return STS_INTERNAL;
	}
	for (size_t i = 1; i < event_count; i++)
		if (events[i].due < events[first].due)
			first = i;
	e = events[first];
	events[first] = events[--event_count];
	clock_ms = e.due;
	e.ends(&e);
	return STS_OK;
}

/* The DNS: MX records that come at the last moment; the rest never. */

enum sts_status
sts_dns_create(struct sts_dns **dns, struct sts_loop *loop,
    const struct sts_config *config)
{
	(void)loop;
	(void)config;
	*dns = NULL;
	return STS_OK;
}

void
sts_dns_destroy(struct sts_dns *dns)
{
	(void)dns;
}

static void
txt_ends(const struct event *e)
{
	e->txt(e->arg, STS_DNS_TIMEOUT, NULL, 0);
}

struct sts_dns_query *
sts_dns_txt(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_txt_done *done, void *arg)
{
	(void)dns;
	(void)name;
	return add(timeout_ms,
	    (struct event){.ends = txt_ends, .arg = arg, .txt = done});
}

static void
mx_ends(const struct event *e)
{
	struct sts_mx hosts[HOSTS];

	for (size_t i = 0; i < HOSTS; i++) {
		hosts[i].preference = 10;
		(void)snprintf(
		    hosts[i].host, sizeof(hosts[i].host), "mx%zu.d.test", i);
	}
	e->mx(e->arg, STS_OK, hosts, HOSTS);
}

struct sts_dns_query *
sts_dns_mx(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_mx_done *done, void *arg)
{
	(void)dns;
	(void)name;
	return add(timeout_ms,
	    (struct event){.ends = mx_ends, .arg = arg, .mx = done});
}

static void
tlsa_ends(const struct event *e)
{
	e->tlsa(e->arg, STS_DNS_TIMEOUT, 0);
}

struct sts_dns_query *
sts_dns_tlsa(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_count_done *done, void *arg)
{
	(void)dns;
	(void)name;
	return add(timeout_ms,
	    (struct event){.ends = tlsa_ends, .arg = arg, .tlsa = done});
}

/* The fetcher: hosts that hang. */

enum sts_status
sts_fetcher_create(struct sts_fetcher **fetcher, struct sts_loop *loop,
    const struct sts_config *config)
{
	(void)loop;
	(void)config;
	*fetcher = NULL;
	return STS_OK;
}

void
sts_fetcher_set_plain_port(struct sts_fetcher *fetcher, uint16_t port)
{
	(void)fetcher;
	(void)port;
}

void
sts_fetcher_destroy(struct sts_fetcher *fetcher)
{
	(void)fetcher;
}

static void
page_ends(const struct event *e)
{
	const struct sts_fetch_result result = {.status = STS_FETCH_TIMEOUT};

	e->page(e->arg, &result);
}

struct sts_fetch *
sts_fetch_examine(const struct sts_fetch_context *context, const char *host,
    const char *target, uint16_t port, int64_t dns_timeout_ms,
    int64_t fetch_timeout_ms, sts_fetch_done *done, void *arg)
{
	(void)context;
	(void)host;
	(void)target;
	(void)port;
	return add(dns_timeout_ms + fetch_timeout_ms,
	    (struct event){.ends = page_ends, .arg = arg, .page = done});
}

static void
probe_ends(const struct event *e)
{
	struct sts_mx_probe_result result = {.status = STS_TOO_SOON};
	char address[20];

	for (int i = 0; i < ADDRESSES && result.status == STS_TOO_SOON; i++) {
		(void)snprintf(address, sizeof(address), "192.0.2.%d", i);
		if (!e->allow(e->arg, address))
			continue;
		result.status = STS_MX_TIMEOUT;
		(void)snprintf(
		    result.address, sizeof(result.address), "%s", address);
	}
	e->probe(e->arg, &result);
}

struct sts_mx_probe *
sts_mx_probe_start(const struct sts_fetch_context *context,
    const struct sts_mx_probe_spec *spec, sts_mx_probe_done *done, void *arg)
{
	(void)context;
	probes++;
	if (probes == fails_at || (all_fail && probes > fails_at))
		return NULL;
	return add(spec->timeout_ms,
	    (struct event){.ends = probe_ends,
		.arg = arg,
		.probe = done,
		.allow = spec->allow});
}

/* Runs one; what it prints is in `said`. */
static int
examine(int64_t dns_timeout, int64_t fetch_timeout)
{
	struct sts_config config = {
	    .dns_timeout = dns_timeout, .fetch_timeout = fetch_timeout};
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO), code = -1;
	size_t len = 0;

	event_count = probes = 0;
	clock_ms = 0;
	stuck = false;
	(void)fflush(stdout);
	if (file != NULL && out >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0)
		code = sts_examine(&config, "d.test");
	(void)fflush(stdout);
	(void)dup2(out, STDOUT_FILENO);
	(void)close(out);
	if (file != NULL) {
		rewind(file);
		len = fread(said, 1, sizeof(said) - 1, file);
		(void)fclose(file);
	}
	said[len] = '\0';
	return code;
}

static size_t
count(const char *part)
{
	size_t n = 0;

	for (const char *at = said; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static void
test_slow(void)
{
	static const int64_t timeouts[][2] = {
	    {1, 1}, {5, 20}, {30, 20}, {1, 60}, {30, 60}};

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		struct sts_config config = {.dns_timeout = timeouts[i][0],
		    .fetch_timeout = timeouts[i][1]};
		int code = examine(timeouts[i][0], timeouts[i][1]);

		is_int(code, 0,
		    "dns-timeout %lld, fetch-timeout %lld, all hosts silent: "
		    "an answer",
		    (long long)timeouts[i][0], (long long)timeouts[i][1]);
		ok(clock_ms <= sts_config_examine_ms(&config),
		    "after %lld ms, within the %lld that it is given",
		    (long long)clock_ms,
		    (long long)sts_config_examine_ms(&config));
		is_int((long long)count("\nprobe mx"), HOSTS * ADDRESSES,
		    "both addresses of each host were probed");
	}
}

static void
test_no_memory(void)
{
	for (fails_at = 1; fails_at <= HOSTS * ADDRESSES; fails_at++) {
		int code = examine(5, 20);

		ok(!stuck && code == 3 &&
			strstr(said, "\ndone examine no_memory\n") != NULL,
		    "no memory for probe %u: it ends, with that fault",
		    fails_at);
		ok(count("\nprobe mx") >= (HOSTS - 1) * ADDRESSES,
		    "and the other hosts are probed");
	}
	fails_at = 3;
	all_fail = true;
	(void)examine(5, 20);
	ok(!stuck, "no memory for any further probe: it ends");
	all_fail = false;
	fails_at = 0;
}

int
main(void)
{
	test_slow();
	test_no_memory();
	return tap_done();
}
