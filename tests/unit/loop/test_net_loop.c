/* SPDX-License-Identifier: ISC */
/* The event loop: timers, watched descriptors, and ending in the middle. */
#include "tests/unit/lib/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/fetch.h"
#include "tests/unit/lib/tap_net.h"

/* Nobody answers at this port: it is bound, and never read. */
static char silent_server[40];
static char *silent_list[] = {silent_server};
static int silent_fd = -1;

static struct sts_config config;

static void
open_silent_server(void)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);

	silent_fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (silent_fd < 0 ||
	    bind(silent_fd, (struct sockaddr *)&at, len) != 0 ||
	    getsockname(silent_fd, (struct sockaddr *)&at, &len) != 0) {
		printf("Bail out! no socket on loopback\n");
		exit(1);
	}
	snprintf(silent_server, sizeof(silent_server), "127.0.0.1:%u",
	    ntohs(at.sin_port));
	config.nameservers[0] = silent_list[0];
	config.nameserver_count = 1;
}

static struct sts_loop *
make_loop(void)
{
	struct sts_loop *loop;

	if (!is_int(sts_loop_create(&loop), STS_OK, "a loop"))
		exit(1);
	return loop;
}

static struct net
make_net(void)
{
	struct net net;

	if (!is_int(net_open(&net, &config), STS_OK, "a loop, DNS, a fetcher"))
		exit(1);
	return net;
}

/* Steps for about so many milliseconds, or until *stop. */
static long
spin(struct sts_loop *loop, int ms, const bool *stop)
{
	int64_t end = sts_monotonic_ms() + ms;
	long steps = 0;

	while (sts_monotonic_ms() < end && (stop == NULL || !*stop)) {
		if (sts_loop_step(loop, 20) != STS_OK)
			return -1;
		steps++;
	}
	return steps;
}

/* Timers. */

static char order[16];

static void
note_a(void *arg)
{
	(void)arg;
	strcat(order, "a");
}

static void
note_b(void *arg)
{
	(void)arg;
	strcat(order, "b");
}

static void
note_c(void *arg)
{
	(void)arg;
	strcat(order, "c");
}

static void
timers(void)
{
	struct sts_loop *loop = make_loop();
	struct sts_timer *gone;
	int64_t began, took_ms = 20;

	gone = sts_timer_start(loop, 20000, note_c, NULL);
	/* The quickest of some: a busy machine makes any one of them slow. */
	for (int i = 0; i < 50 && took_ms >= 20; i++) {
		began = sts_monotonic_ms();
		(void)sts_loop_step(loop, 0);
		took_ms = sts_monotonic_ms() - began;
	}
	ok(took_ms < 20, "a step may wait for nothing");
	sts_timer_cancel(loop, gone);
	order[0] = '\0';
	(void)sts_timer_start(loop, 60, note_c, NULL);
	(void)sts_timer_start(loop, 20, note_a, NULL);
	(void)sts_timer_start(loop, 40, note_b, NULL);
	gone = sts_timer_start(loop, 30, note_c, NULL);
	sts_timer_cancel(loop, gone);
	sts_timer_cancel(loop, NULL);
	is_str(order, "", "no timer runs from the call that starts it");
	spin(loop, 200, NULL);
	is_str(order, "abc", "timers run once, in the order of their times");
	order[0] = '\0';
	(void)sts_timer_start(loop, 0, note_a, NULL);
	(void)sts_timer_start(loop, 0, note_b, NULL);
	(void)sts_timer_start(loop, -5, note_c, NULL);
	(void)sts_loop_step(loop, 0);
	is_str(order, "abc", "timers of one time run in the order of starting");
	began = sts_monotonic_ms();
	(void)sts_timer_start(loop, 30, note_a, NULL);
	(void)sts_loop_step(loop, 10000);
	ok(sts_monotonic_ms() - began < 5000,
	    "a step ends when a timer is due");
	(void)sts_timer_start(loop, 10000, note_a, NULL);
	sts_loop_destroy(loop);
}

struct again {
	struct sts_loop *loop;
	struct sts_timer *other;
	int count;
};

static void
start_again(void *arg)
{
	struct again *again = arg;

	again->count++;
	(void)sts_timer_start(again->loop, 0, start_again, again);
}

static void
cancel_other(void *arg)
{
	struct again *again = arg;

	sts_timer_cancel(again->loop, again->other);
	again->count++;
}

static void
timers_in_callbacks(void)
{
	struct sts_loop *loop = make_loop();
	struct again again = {.loop = loop};

	(void)sts_timer_start(loop, 0, start_again, &again);
	(void)sts_loop_step(loop, 1000);
	is_int(again.count, 1, "a timer started by a timer waits for a step");
	(void)sts_loop_step(loop, 1000);
	is_int(again.count, 2, "and is not forgotten");
	sts_loop_destroy(loop);

	loop = make_loop();
	again = (struct again){.loop = loop};
	order[0] = '\0';
	(void)sts_timer_start(loop, 0, cancel_other, &again);
	again.other = sts_timer_start(loop, 0, note_a, NULL);
	(void)sts_loop_step(loop, 0);
	(void)sts_loop_step(loop, 0);
	ok(again.count == 1 && order[0] == '\0',
	    "a timer cancelled by one that is due with it does not run");
	sts_loop_destroy(loop);
}

/* Standing still. */

static void
sleep_long(void *arg)
{
	(void)arg;
	usleep(800000);
}

/* A wait that was meant; a busy machine makes any one of them too long. */
static bool
waits_unnoticed(struct sts_loop *loop)
{
	for (int i = 0; i < 20; i++) {
		unsigned long before = sts_loop_stalls(loop);

		(void)sts_timer_start(loop, 700, note_a, NULL);
		(void)sts_loop_step(loop, 5000);
		if (sts_loop_stalls(loop) == before)
			return true;
	}
	return false;
}

/* In a process of its own, which is stopped within a wait as long as that. */
static int
notice_a_stop(int ready_fd)
{
	struct sts_loop *loop;
	unsigned long before;

	if (sts_loop_create(&loop) != STS_OK || write(ready_fd, "x", 1) != 1)
		return 1;
	before = sts_loop_stalls(loop);
	(void)sts_timer_start(loop, 1000, note_a, NULL);
	(void)sts_loop_step(loop, 10000);
	return sts_loop_stalls(loop) == before;
}

static void
is_stop_noticed(void)
{
	int ready[2], status = -1;
	char byte;
	pid_t pid;

	if (pipe(ready) != 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0)
		_exit(notice_a_stop(ready[1]));
	(void)!read(ready[0], &byte, 1);
	usleep(10000);
	(void)kill(pid, SIGSTOP);
	(void)waitpid(pid, &status, WUNTRACED);
	usleep(1000000);
	(void)kill(pid, SIGCONT);
	(void)waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
	is_int(status, 0, "a process that was stopped notices it");
}

static void
stalls(void)
{
	struct sts_loop *loop = make_loop();
	unsigned long before;

	ok(waits_unnoticed(loop), "to wait as long as was meant is no stall");
	before = sts_loop_stalls(loop);
	usleep(800000);
	is_int((long)(sts_loop_stalls(loop) - before), 1,
	    "time spent outside the loop is one, known at once");
	before = sts_loop_stalls(loop);
	(void)sts_timer_start(loop, 0, sleep_long, NULL);
	(void)sts_loop_step(loop, 0);
	ok(sts_loop_stalls(loop) > before, "and so is a callback that hangs");
	sts_loop_destroy(loop);
	is_stop_noticed();
}

/* Watches. */

struct reader {
	struct sts_loop *loop;
	struct sts_watch *watch, *other;
	int fd;
	int calls, bytes;
	bool ended;
};

static void
read_some(void *arg)
{
	struct reader *reader = arg;
	char buf[16];
	ssize_t got = read(reader->fd, buf, sizeof(buf));

	reader->calls++;
	if (got > 0) {
		reader->bytes += (int)got;
		return;
	}
	reader->ended = true;
	sts_watch_stop(reader->loop, reader->watch);
}

static void
watch_pipe(void)
{
	struct sts_loop *loop = make_loop();
	struct reader reader = {.loop = loop};
	int fds[2];
	long steps;

	if (!ok(pipe(fds) == 0, "a pipe"))
		return;
	reader.fd = fds[0];
	reader.watch = sts_watch_start(loop, fds[0], false, read_some, &reader);
	spin(loop, 50, NULL);
	is_int(reader.calls, 0, "nothing to read, nothing called");
	ok(write(fds[1], "hello", 5) == 5, "five bytes are written");
	(void)sts_loop_step(loop, 1000);
	is_int(reader.bytes, 5, "and read within a step");
	close(fds[1]);
	steps = spin(loop, 500, &reader.ended);
	ok(reader.ended && steps < 5,
	    "the end of a pipe is seen at once, without spinning");
	spin(loop, 30, NULL);
	is_int(reader.calls, 2, "a stopped watch is not called");
	close(fds[0]);
	sts_loop_destroy(loop);
}

static void
count_call(void *arg)
{
	struct reader *reader = arg;

	reader->calls++;
	sts_watch_stop(reader->loop, reader->watch);
}

static void
stop_other(void *arg)
{
	struct reader *reader = arg;

	reader->calls++;
	sts_watch_stop(reader->loop, reader->watch);
	sts_watch_stop(reader->loop, reader->other);
}

static void
watch_more(void)
{
	struct sts_loop *loop = make_loop();
	struct reader reader = {.loop = loop}, two = {.loop = loop};
	int pair[2], closed;

	if (!ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "a pair"))
		return;
	reader.watch =
	    sts_watch_start(loop, pair[0], true, count_call, &reader);
	(void)sts_loop_step(loop, 1000);
	is_int(reader.calls, 1, "a socket can be written");

	ok(write(pair[1], "x", 1) == 1, "a byte for two watches");
	two.watch = sts_watch_start(loop, pair[0], false, stop_other, &two);
	two.other = sts_watch_start(loop, pair[0], false, count_call, &reader);
	(void)sts_loop_step(loop, 1000);
	(void)sts_loop_step(loop, 10);
	ok(two.calls == 1 && reader.calls == 1,
	    "a watch stopped by one that is ready with it is not called");

	closed = dup(pair[0]);
	close(closed);
	reader.watch =
	    sts_watch_start(loop, closed, false, count_call, &reader);
	(void)sts_loop_step(loop, 1000);
	is_int(reader.calls, 2, "a descriptor that is closed is reported");
	for (int i = 0; i < 100; i++)
		(void)sts_watch_start(loop, pair[0], false, count_call, &two);
	two.watch = NULL;
	two.calls = 0;
	(void)sts_loop_step(loop, 1000);
	is_int(two.calls, 100, "many watches at once");
	sts_watch_stop(loop, NULL);
	close(pair[0]);
	close(pair[1]);
	sts_loop_destroy(loop);
}

/* Questions and fetches. */

static int txt_calls, fetch_calls;
static enum sts_status last_status;

static void
txt_done(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	(void)arg;
	(void)records;
	(void)count;
	last_status = status;
	txt_calls++;
}

static void
mx_done(
    void *arg, enum sts_status status, const struct sts_mx *hosts, size_t count)
{
	(void)arg;
	(void)status;
	(void)hosts;
	(void)count;
	txt_calls++;
}

static void
fetch_done(void *arg, const struct sts_fetch_result *result)
{
	(void)arg;
	last_status = result->status;
	fetch_calls++;
}

static void
deferral(void)
{
	struct net net;
	struct sts_dns_query *query;
	struct sts_fetch *fetch;
	char name[300];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	net = make_net();
	txt_calls = fetch_calls = 0;
	query = sts_dns_txt(net.dns, name, 1000, txt_done, NULL);
	fetch = sts_fetch_start(
	    &net.context, "no domain", 443, 1000, 1000, fetch_done, NULL);
	ok(query != NULL && fetch != NULL && txt_calls + fetch_calls == 0,
	    "what fails at once does not call back from the call");
	(void)sts_loop_step(net.loop, 1000);
	is_int(txt_calls + fetch_calls, 2, "but in the next step");
	is_int(last_status, STS_INTERNAL, "with its reason");
	query = sts_dns_txt(net.dns, name, 1000, txt_done, NULL);
	fetch = sts_fetch_start(
	    &net.context, "no domain", 443, 1000, 1000, fetch_done, NULL);
	sts_dns_cancel(query);
	sts_fetch_cancel(fetch);
	sts_dns_cancel(NULL);
	sts_fetch_cancel(NULL);
	spin(net.loop, 30, NULL);
	is_int(txt_calls + fetch_calls, 2, "unless it is cancelled before");
	net_close(&net);
}

static void
destroy_in_the_middle(void)
{
	struct net net = make_net();
	int count = 0;

	txt_calls = 0;
	for (int i = 0; i < 50; i++) {
		count += sts_dns_txt(net.dns, "a.test", 5000, txt_done, NULL) !=
		    NULL;
		count +=
		    sts_dns_mx(net.dns, "a.test", 5000, mx_done, NULL) != NULL;
	}
	is_int(count, 100, "100 questions to a silent server");
	spin(net.loop, 50, NULL);
	(void)sts_watch_start(net.loop, silent_fd, false, note_a, NULL);
	(void)sts_timer_start(net.loop, 100, note_a, NULL);
	net_close(&net);
	is_int(txt_calls, 0, "destroying it all calls nobody back");
	sts_fetcher_destroy(NULL);
	sts_dns_destroy(NULL);
	sts_loop_destroy(NULL);
}

struct chain {
	struct net net;
	struct sts_dns_query *other;
	int calls;
	bool over;
};

/* From a callback: cancel one question, start another. */
static void
chained(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	struct chain *chain = arg;

	(void)status;
	(void)records;
	(void)count;
	chain->calls++;
	sts_dns_cancel(chain->other);
	chain->other = NULL;
	chain->over = chain->calls == 3;
	if (!chain->over)
		(void)sts_dns_txt(
		    chain->net.dns, "a.test", 150, chained, chain);
}

static void
questions_in_callbacks(void)
{
	struct chain chain = {.net = make_net()};
	int64_t began = sts_monotonic_ms();

	txt_calls = 0;
	chain.other = sts_dns_txt(chain.net.dns, "b.test", 300, txt_done, NULL);
	(void)sts_dns_txt(chain.net.dns, "a.test", 150, chained, &chain);
	spin(chain.net.loop, 3000, &chain.over);
	ok(chain.over && txt_calls == 0,
	    "a callback may cancel one question and start another");
	ok(sts_monotonic_ms() - began < 2000, "each kept to its timeout");
	net_close(&chain.net);
}

static void
bad_configuration(void)
{
	static char bad[] = "not an address";
	static char *good;
	struct sts_loop *loop = make_loop();
	struct sts_dns *dns = (struct sts_dns *)&bad;

	good = config.nameservers[0];
	config.nameservers[0] = bad;
	is_int(sts_dns_create(&dns, loop, &config), STS_CONFIG,
	    "a name server that is no address is a local fault");
	ok(dns == NULL, "and nothing that could ask");
	sts_loop_destroy(loop);
	config.nameservers[0] = good;
}

/* However few descriptors are left: all of it, or the reason why not. */
static void
few_descriptors(void)
{
	struct rlimit before, now;
	int next = dup(0), wrong = 0;

	close(next);
	if (getrlimit(RLIMIT_NOFILE, &before) != 0 || next < 0)
		return;
	for (int spare = 0; spare < 6; spare++) {
		struct net net;
		enum sts_status status;

		now = before;
		now.rlim_cur = (rlim_t)(next + spare);
		(void)setrlimit(RLIMIT_NOFILE, &now);
		status = net_open(&net, &config);
		if (status == STS_OK)
			net_close(&net);
		else if (status != STS_NO_DESCRIPTORS)
			wrong++;
	}
	(void)setrlimit(RLIMIT_NOFILE, &before);
	is_int(wrong, 0, "without descriptors the reason is no_descriptors");
}

/* What poll(2) is given. */
static void
time_left(void)
{
	int64_t now = sts_monotonic_ms();

	is_int(sts_ms_until(now - 1, 1000), 0, "a time that is over: 0 ms");
	ok(sts_ms_until(now + 60000, 60000) > 30000, "a minute is left");
	is_int(sts_ms_until(now + 60000, 1000), 1000, "a second at most");
	is_int(sts_ms_until(INT64_MAX, INT_MAX), INT_MAX, "never");
}

int
main(void)
{
	open_silent_server();
	time_left();
	timers();
	timers_in_callbacks();
	stalls();
	watch_pipe();
	watch_more();
	deferral();
	destroy_in_the_middle();
	questions_in_callbacks();
	bad_configuration();
	few_descriptors();
	close(silent_fd);
	return tap_done();
}
