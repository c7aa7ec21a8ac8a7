/* SPDX-License-Identifier: ISC */
/*
 * A fetcher that does wrong, whatever it does, costs a local fault: in time,
 * in bounded memory, and without a process left behind.
 */
#include "tests/unit/lib/tap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fetcher/wire.h"
#include "resolver/fetcher.h"

enum { TIMEOUT_MS = 2000, LIMIT_MS = 8000, REQUESTS = 5 };

static char directory[] = "/tmp/mta-sts-fetcher.XXXXXX";
static char program[PATH_MAX];

struct asked {
	struct sts_fetcher *fetcher;
	enum sts_status status[REQUESTS];
	int count;
};

static void
replied(void *arg, const struct sts_wire_reply *reply, const char *body)
{
	struct asked *asked = arg;

	(void)body;
	asked->status[asked->count++] = reply->status;
}

static struct sts_wire_request
request_of(enum sts_wire_kind kind)
{
	struct sts_wire_request r = {
	    .kind = kind, .port = 443, .timeout_ms = TIMEOUT_MS, .count = 1};

	(void)strcpy(r.host, "mta-sts.d.test");
	if (kind == STS_WIRE_POST) {
		(void)strcpy(r.target, "/");
		r.length = 5;
	}
	(void)sts_address_parse("127.0.0.1", &r.addresses[0]);
	return r;
}

/* The program by another name; its path. */
static char *
name_program(const char *fault)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/fetcher-%s", directory, fault);
	(void)unlink(path);
	if (symlink(program, path) != 0)
		printf("Bail out! no link in %s\n", directory);
	return path;
}

/* Asks `count` at once of such a program and waits for all; how long it took.
 */
static int64_t
ask_kind(enum sts_wire_kind kind, char *path, int count, struct asked *asked)
{
	struct sts_config config = {.fetcher = path};
	struct sts_loop *loop = NULL;
	struct sts_wire_request request = request_of(kind);
	int64_t began = sts_monotonic_ms();

	memset(asked, 0, sizeof(*asked));
	if (sts_loop_create(&loop) != STS_OK ||
	    sts_fetcher_create(&asked->fetcher, loop, &config) != STS_OK)
		return -1;
	for (int i = 0; i < count; i++)
		(void)sts_fetcher_post(
		    asked->fetcher, &request, "body\n", replied, asked);
	while (asked->count < count && sts_monotonic_ms() - began < LIMIT_MS)
		(void)sts_loop_step(loop, 50);
	sts_fetcher_destroy(asked->fetcher);
	sts_loop_destroy(loop);
	return sts_monotonic_ms() - began;
}

static int64_t
ask_program(char *path, int count, struct asked *asked)
{
	return ask_kind(STS_WIRE_POLICY, path, count, asked);
}

static long
peak_kib(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void
check_fault(const char *fault, enum sts_status wanted)
{
	struct asked asked;
	long before = peak_kib();
	int64_t ms = ask_program(name_program(fault), 1, &asked);

	is_int(asked.count, 1, "%s: one reply", fault);
	is_str(sts_status_name(asked.status[0]), sts_status_name(wanted),
	    "%s: %s", fault, sts_status_name(wanted));
	ok(ms >= 0 && ms < 2 * (TIMEOUT_MS + 1000), "%s: in time (%lld ms)",
	    fault, (long long)ms);
	ok(peak_kib() - before < 4096, "%s: memory is bounded", fault);
	ok(waitpid(-1, NULL, WNOHANG) < 0, "%s: no process is left", fault);
}

static void
faults(void)
{
	static const struct {
		const char *fault;
		enum sts_status status;
	} table[] = {{"silent", STS_FETCHER_TIMEOUT},
	    {"hangs", STS_FETCHER_TIMEOUT}, {"slow", STS_FETCHER_TIMEOUT},
	    {"dies", STS_FETCHER_DIED}, {"killed", STS_FETCHER_DIED},
	    {"nonsense", STS_FETCHER_REPLY}, {"babbles", STS_FETCHER_REPLY},
	    {"flood", STS_FETCHER_REPLY}, {"flood-lines", STS_FETCHER_REPLY},
	    {"huge", STS_FETCHER_REPLY}, {"number", STS_FETCHER_REPLY},
	    {"short", STS_FETCHER_TIMEOUT}, {"long", STS_FETCHER_REPLY},
	    {"status", STS_FETCHER_REPLY}, {"kind", STS_FETCHER_REPLY},
	    {"old", STS_FETCHER_REPLY}, {"unfit", STS_INTERNAL},
	    /* The first of two is an answer like any other. */
	    {"twice", STS_FETCH_CONNECT}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_fault(table[i].fault, table[i].status);
}

/* Every status here is local, so that nothing is recorded against a domain. */
static void
missing(void)
{
	static char nowhere[] = "/nonexistent/mta-sts-fetcher";
	struct asked asked;
	char plain[PATH_MAX];
	FILE *file;

	(void)ask_program(nowhere, 1, &asked);
	is_int(asked.status[0], STS_FETCHER_MISSING, "no such program");
	snprintf(plain, sizeof(plain), "%s/plain", directory);
	if ((file = fopen(plain, "w")) != NULL)
		fclose(file);
	(void)ask_program(plain, 3, &asked);
	is_int(asked.count, 3, "a program that is none: each has its reply");
	is_int(asked.status[2], STS_FETCHER_MISSING, "it is missing");
	ok(sts_status_is_local(STS_FETCHER_MISSING) &&
		sts_status_is_local(STS_FETCHER_DIED) &&
		sts_status_is_local(STS_FETCHER_TIMEOUT) &&
		sts_status_is_local(STS_FETCHER_REPLY),
	    "a fetcher's faults are local");
}

/* One request's fetcher dies with the others' requests: they go on. */
static void
others(void)
{
	struct asked asked;
	int died = 0, answered = 0;

	(void)ask_program(name_program("once"), REQUESTS, &asked);
	for (int i = 0; i < asked.count; i++) {
		died += asked.status[i] == STS_FETCHER_DIED;
		answered += asked.status[i] == STS_FETCH_CONNECT;
	}
	is_int(died, 1, "the request that it died with has a fault");
	is_int(answered, REQUESTS - 1, "the others are asked for once more");
}

/* A report may have arrived, and is not sent to the next fetcher. */
static void
posts(void)
{
	struct asked asked;
	char *path = name_program("once"), ran[PATH_MAX + 8];

	/* So that it dies, as in the test before. */
	snprintf(ran, sizeof(ran), "%s.ran", path);
	(void)unlink(ran);
	(void)ask_kind(STS_WIRE_POST, path, 2, &asked);
	is_int(asked.count, 2, "two posts to a fetcher that dies");
	/* The next one would have answered fetch_connect. */
	ok(sts_status_is_local(asked.status[0]) &&
		sts_status_is_local(asked.status[1]),
	    "neither is sent once more");
	(void)ask_kind(STS_WIRE_POST, name_program("long"), 1, &asked);
	is_int(asked.status[0], STS_FETCHER_REPLY,
	    "a reply with a body is none to a post");
}

/* What the dead one had of their time is not the hosts' to answer for. */
static void
too_late(void)
{
	struct asked asked;

	(void)ask_program(name_program("late"), REQUESTS, &asked);
	is_int(asked.count, REQUESTS, "all are answered");
	for (int i = 0; i < asked.count; i++)
		ok(sts_status_is_local(asked.status[i]),
		    "asked again with half of its time: a local fault (%s)",
		    sts_status_name(asked.status[i]));
}

/* What is cancelled is not answered, and its late reply is no nonsense. */
static void
cancelled(void)
{
	struct sts_config config = {.fetcher = name_program("once")};
	struct sts_wire_request request = request_of(STS_WIRE_POLICY);
	struct sts_fetcher_request *first;
	struct asked asked = {0};
	struct sts_loop *loop = NULL;
	int64_t end = sts_monotonic_ms() + LIMIT_MS;

	if (sts_loop_create(&loop) != STS_OK ||
	    sts_fetcher_create(&asked.fetcher, loop, &config) != STS_OK)
		return;
	first = sts_fetcher_ask(asked.fetcher, &request, replied, &asked);
	(void)sts_loop_step(loop, 0);
	(void)sts_fetcher_ask(asked.fetcher, &request, replied, &asked);
	/* Not after another step, which may read the reply and free it. */
	sts_fetcher_cancel(first);
	sts_fetcher_cancel(NULL);
	while (asked.count == 0 && sts_monotonic_ms() < end)
		(void)sts_loop_step(loop, 50);
	is_int(asked.count, 1, "one of two was cancelled: one reply");
	is_int(asked.status[0], STS_FETCH_CONNECT, "with its status");
	sts_fetcher_destroy(asked.fetcher);
	sts_loop_destroy(loop);
}

int
main(void)
{
	const char *build = getenv("B");
	char relative[PATH_MAX], command[PATH_MAX + 16];

	snprintf(relative, sizeof(relative), "%s/tests/help_fetcher_fault",
	    build != NULL ? build : "build");
	if (realpath(relative, program) == NULL || mkdtemp(directory) == NULL) {
		printf("1..0 # SKIP no help_fetcher_fault\n");
		return 0;
	}
	/* The faults are logged as errors, which is not for the reader of this.
	 */
	sts_log_open("test_fetcher", STS_LOG_STDERR, STS_LOG_ERROR);
	if (freopen("/dev/null", "w", stderr) == NULL)
		return 1;
	faults();
	missing();
	others();
	posts();
	too_late();
	cancelled();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ok(system(command) == 0, "the directory is gone");
	return tap_done();
}
