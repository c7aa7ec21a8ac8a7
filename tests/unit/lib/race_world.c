/* SPDX-License-Identifier: ISC */
/* The fortified ones are inline, and cannot be replaced. */
#undef _FORTIFY_SOURCE

#include "tests/unit/lib/race_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/run_resolver.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/fetch.h"
#include "resolver/lookup.h"
#include "store/file.h"
#include "tests/unit/lib/fortified.h"

#define MX "mode: enforce\nmx: mx.race.test\n"

struct race_clock *race_clock;
const char race_domain[] = "race.test";

static char added_domain[32]; /* has no file */
char race_neighbour[32];
struct sts_config race_config;

static bool stepping; /* in a process that has a part */
static int to_parent = -1, from_parent = -1;
static struct race_part part;

/* What a descriptor is: 'P' policies/XX, 'C' checks/XX, 'c' a check. */
static char kind_of[256];

static bool
send_all(int fd, const void *bytes, size_t len)
{
	return syscall(SYS_write, fd, bytes, len) == (long)len;
}

static bool
receive_all(int fd, void *bytes, size_t len)
{
	long n;

	do
		n = syscall(SYS_read, fd, bytes, len);
	while (n < 0 && errno == EINTR);
	return n == (long)len;
}

/* Stops here until the test lets this process go on. */
static void
stop_at(enum race_step step)
{
	struct race_message m = {.step = step};
	char go;

	if (!stepping)
		return;
	if (!send_all(to_parent, &m, sizeof(m)) ||
	    !receive_all(from_parent, &go, 1))
		_exit(2);
}

/* The calls of the store that others can see. */

/* Of a directory by its path, of a file by its path or its directory. */
static char
kind_of_path(int dir, const char *path)
{
	if (strncmp(path, "policies/", 9) == 0)
		return 'P';
	if (strncmp(path, "checks/", 7) == 0)
		return 'C';
	/* No lookup waits for these, so that their order does not matter. */
	if (strncmp(path, "events/", 7) == 0)
		return 0;
	return dir >= 0 && dir < 256 ? kind_of[dir] : 0;
}

static void
stop_before_open(char kind, int flags)
{
	if ((flags & (O_DIRECTORY | O_EXCL)) != 0)
		return;
	if (kind == 'P')
		stop_at(STEP_POLICY_READ);
	else if (kind == 'C')
		stop_at((flags & O_CREAT) != 0 ? STEP_CHECK_WRITE
					       : STEP_CHECK_READ);
}

static int
open_at(int dir, const char *path, int flags, unsigned mode)
{
	char kind = kind_of_path(dir, path);
	int fd;

	stop_before_open(kind, flags);
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if ((flags & O_DIRECTORY) == 0)
		kind = kind == 'C' ? 'c' : 0;
	if (fd >= 0 && fd < 256)
		kind_of[fd] = kind;
	return fd;
}

ssize_t
read(int fd, void *buf, size_t len)
{
	if (fd >= 0 && fd < 256 && kind_of[fd] == 'c')
		stop_at(STEP_CHECK_READ);
	return (ssize_t)syscall(SYS_read, fd, buf, len);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	if (fd >= 0 && fd < 256 && kind_of[fd] == 'c')
		stop_at(STEP_CHECK_WRITE);
	return (ssize_t)syscall(SYS_write, fd, buf, len);
}

/* The next lock cannot be had: a file system without any. */
static bool locks_fail;

int
fcntl(int fd, int command, ...)
{
	va_list list;
	void *arg;

	va_start(list, command);
	arg = va_arg(list, void *);
	va_end(list);
	if (command == F_SETLK)
		stop_at(((struct flock *)arg)->l_type == F_UNLCK ? STEP_UNLOCK
								 : STEP_LOCK);
	if (command == F_SETLK && locks_fail) {
		locks_fail = false;
		errno = ENOLCK;
		return -1;
	}
	return (int)syscall(SYS_fcntl, fd, command, arg);
}

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	stop_at(STEP_RENAME);
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	stop_at(STEP_REMOVE);
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	stop_at(STEP_WAITS);
	return 0;
}

time_t
time(time_t *out)
{
	time_t now = race_clock != NULL ? (time_t)race_clock->seconds : 0;

	if (out != NULL)
		*out = now;
	return now;
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
	if (race_clock == NULL)
		return (int)syscall(SYS_clock_gettime, clock, out);
	if (clock == CLOCK_REALTIME) {
		out->tv_sec = (time_t)race_clock->seconds;
		out->tv_nsec = (long)++race_clock->microseconds * 1000;
	} else {
		out->tv_sec = (time_t)(race_clock->monotonic_ms / 1000);
		out->tv_nsec =
		    (long)(race_clock->monotonic_ms % 1000) * 1000000;
	}
	return 0;
}

/* The loop, DNS and fetcher of the resolver. */

static struct event {
	int64_t delay_ms;
	void (*due)(void *arg);
	void *arg;
} events[8];
static size_t event_count;

struct sts_timer *
sts_timer_start(
    struct sts_loop *loop, int64_t delay_ms, void (*due)(void *arg), void *arg)
{
	static struct sts_timer timer;

	(void)loop;
	events[event_count++] = (struct event){delay_ms, due, arg};
	return &timer;
}

static void
run_events(void)
{
	while (event_count > 0) {
		struct event e = events[0];

		memmove(events, events + 1, --event_count * sizeof(e));
		if (e.delay_ms > 0) {
			stop_at(STEP_BLOCKED);
			locks_fail = part.impatient;
		}
		e.due(e.arg);
	}
}

static sts_dns_txt_done *txt_done;
static sts_fetch_done *fetch_done;
static int token;

static void
answer_txt(void *arg)
{
	char text[80];
	struct sts_span record = {text, 0};

	snprintf(text, sizeof(text), "v=STSv1; id=%s;", part.id);
	record.len = strlen(text);
	stop_at(STEP_DNS);
	txt_done(arg, part.record == STS_OK ? STS_OK : part.record, &record,
	    part.record == STS_OK ? 1 : 0);
}

struct sts_dns_query *
sts_dns_txt(struct sts_dns *dns, const char *name, int64_t timeout_ms,
    sts_dns_txt_done *done, void *arg)
{
	(void)dns;
	(void)name;
	(void)timeout_ms;
	txt_done = done;
	(void)sts_timer_start(NULL, 0, answer_txt, arg);
	return (struct sts_dns_query *)(void *)&token;
}

/* Of a query that is never made: no reports are wanted. */
void
sts_dns_cancel(struct sts_dns_query *query)
{
	(void)query;
}

static void
answer_fetch(void *arg)
{
	static const char *const bodies[] = {
	    [FETCH_POLICY] = "version: STSv1\n" MX "max_age: 604800\n",
	    [FETCH_NONE_MODE] = "version: STSv1\nmode: none\nmax_age: 604800\n",
	    [FETCH_FAILS] = ""};
	struct sts_fetch_result result = {
	    .status = part.fetch == FETCH_FAILS ? STS_FETCH_CONNECT : STS_OK,
	    .body = bodies[part.fetch],
	    .body_len = strlen(bodies[part.fetch])};

	stop_at(STEP_FETCH);
	fetch_done(arg, &result);
}

struct sts_fetch *
sts_fetch_start(const struct sts_fetch_context *context, const char *domain,
    uint16_t port, int64_t dns_timeout_ms, int64_t fetch_timeout_ms,
    sts_fetch_done *done, void *arg)
{
	(void)context;
	(void)domain;
	(void)port;
	(void)dns_timeout_ms;
	(void)fetch_timeout_ms;
	fetch_done = done;
	(void)sts_timer_start(NULL, 0, answer_fetch, arg);
	return (struct sts_fetch *)(void *)&token;
}

void
sts_fetch_set_pace(struct sts_fetch *fetch, struct sts_pace *pace)
{
	(void)fetch;
	(void)pace;
}

/* The parts. */

static void
note_status(void *arg, enum sts_status status)
{
	*(enum sts_status *)arg = status;
}

static enum sts_status
look_up(const char *domain, enum sts_task task)
{
	struct sts_resolver r = {.config = &race_config};
	enum sts_status result = STS_INTERNAL;
	enum sts_status status =
	    sts_store_open(&r.store, race_config.state_dir, true);

	if (status != STS_OK)
		return status;
	if (sts_lookup_start(&r, domain, task, note_status, &result))
		run_events();
	sts_store_close(r.store);
	return result;
}

enum sts_status
sts_client_lookup(const struct sts_config *config,
    const struct sts_store *store, const char *domain,
    struct sts_budget *budget, bool *started)
{
	(void)config;
	(void)store;
	(void)budget;
	*started = true;
	return look_up(domain, STS_TASK_LOOKUP);
}

enum sts_status
sts_client_detach(const struct sts_config *config,
    const struct sts_store *store, const char *option, const char *domain)
{
	(void)config;
	(void)store;
	(void)option;
	(void)domain;
	return STS_OK;
}

static void
ask(struct race_message *m, bool alone)
{
	struct sts_answer answer;

	if (alone)
		sts_ask_store(&race_config, race_domain, &answer);
	else
		sts_ask(&race_config, race_domain, NULL, &answer);
	m->status = answer.why;
	m->verdict = answer.verdict;
	m->has_entry = answer.has_entry;
	sts_answer_free(&answer);
}

static enum sts_status
change_store(enum race_role role)
{
	struct sts_store *store;
	enum sts_status status =
	    sts_store_open(&store, race_config.state_dir, true);

	if (status != STS_OK)
		return status;
	if (role == ROLE_DROP)
		status = sts_store_drop(store, race_domain);
	else
		/* What was added just now would stay. */
		sts_store_trim(store, STS_KIND_POLICY, added_domain, 1,
		    race_clock->seconds);
	sts_store_close(store);
	return status;
}

static void
play(struct race_message *m)
{
	static const enum sts_task tasks[] = {[ROLE_REFRESH] = STS_TASK_REFRESH,
	    [ROLE_AFTER] = STS_TASK_AFTER,
	    [ROLE_REFETCH] = STS_TASK_REFETCH,
	    [ROLE_FORCE] = STS_TASK_FORCE};

	switch (part.role) {
	case ROLE_NONE:
		break;
	case ROLE_MAIL:
	case ROLE_READER:
		ask(m, part.role == ROLE_READER);
		break;
	case ROLE_DROP:
	case ROLE_TRIM:
		m->status = change_store(part.role);
		break;
	case ROLE_REFRESH:
	case ROLE_AFTER:
	case ROLE_REFETCH:
	case ROLE_FORCE:
		m->status = look_up(race_domain, tasks[part.role]);
		break;
	}
}

static void
serve(void)
{
	while (receive_all(from_parent, &part, sizeof(part))) {
		struct race_message m = {.step = STEP_DONE};

		stepping = true;
		play(&m);
		stepping = false;
		if (!send_all(to_parent, &m, sizeof(m)))
			break;
	}
	_exit(0);
}

/* A name whose files lie in the same directory. */
static void
name_neighbour(char first, char *name, size_t size)
{
	unsigned i = 0;

	do {
		snprintf(name, size, "%c%u.test", first, i++);
	} while (sts_file_bucket(name) != sts_file_bucket(race_domain));
}

bool
race_prepare(char *state_dir)
{
	struct timespec now;

	name_neighbour('n', race_neighbour, sizeof(race_neighbour));
	name_neighbour('a', added_domain, sizeof(added_domain));
	race_clock = mmap(NULL, sizeof(*race_clock), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race_clock == MAP_FAILED)
		return false;
	/* The real one: a temporary file of another process is not stale. */
	if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) != 0)
		return false;
	race_clock->seconds = now.tv_sec;
	race_config = (struct sts_config){.state_dir = state_dir,
	    .recheck = 300,
	    .negative_ttl = 3600,
	    .refresh_after = 86400,
	    .dns_timeout = 5,
	    .fetch_timeout = 20,
	    .policies_max = 100000,
	    .checks_max = 100000};
	return true;
}

bool
race_start(struct race_process *p)
{
	int down[2], up[2];

	if (pipe(down) != 0 || pipe(up) != 0 || (p->pid = fork()) < 0)
		return false;
	if (p->pid == 0) {
		close(down[1]);
		close(up[0]);
		from_parent = down[0];
		to_parent = up[1];
		serve();
	}
	close(down[0]);
	close(up[1]);
	p->to = down[1];
	p->from = up[0];
	return true;
}

void
race_end(struct race_process *p)
{
	close(p->to);
	close(p->from);
	(void)waitpid(p->pid, NULL, 0);
}

bool
race_give(struct race_process *p, const struct race_part *given,
    struct race_message *at)
{
	return send_all(p->to, given, sizeof(*given)) &&
	    receive_all(p->from, at, sizeof(*at));
}

bool
race_go(struct race_process *p, struct race_message *at)
{
	return send_all(p->to, "g", 1) && receive_all(p->from, at, sizeof(*at));
}
