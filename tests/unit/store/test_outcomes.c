/* SPDX-License-Identifier: ISC */
/*
 * Outcomes in the store: many writers of one file, days, bounds, files that
 * are not to be written, disks that are full, writers that are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"

enum {
	WRITERS = 8,
	LINES = 2500,      /* of each of them */
	KILLS = 120,       /* of writers, at random moments */
	KILL_LINES = 30000 /* of each of those, at most */
};

static char dir[] = "/tmp/mta-sts-outcomes.XXXXXX";
static struct sts_store *store;
static const int64_t day = 20000; /* 2024-10-04 */

/* What write(2) does next: fails, or writes so much; 0: as ever. */
static int write_error;
static size_t write_most;

ssize_t
write(int fd, const void *buf, size_t len)
{
	if (write_error != 0) {
		errno = write_error;
		return -1;
	}
	if (write_most > 0 && len > write_most)
		len = write_most;
	return (ssize_t)syscall(SYS_write, fd, buf, len);
}

static struct sts_outcome
example(int64_t time, const char *text)
{
	struct sts_outcome o = {.time = time,
	    .domain = "d.test",
	    .type = STS_POLICY_TYPE_NO_POLICY_FOUND,
	    .mx = "mx.d.test",
	    .receiving_ip = "192.0.2.1"};

	snprintf(o.additional, sizeof(o.additional), "%s", text);
	return o;
}

static enum sts_status
append(int64_t time, const char *text)
{
	struct sts_outcome o = example(time, text);

	return sts_outcomes_append(store, &o);
}

static const char *
path_of(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/outcomes%s%s", dir,
	    name[0] != '\0' ? "/" : "", name);
	return path;
}

static long long
size_of(const char *name)
{
	struct stat st;

	return stat(path_of(name), &st) == 0 ? (long long)st.st_size : -1;
}

static unsigned
mode_of(const char *name)
{
	struct stat st;

	return stat(path_of(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
forget(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s/outcomes", dir);
	if (system(command) != 0)
		ok(false, "%s", command);
}

/* What a day's file says: the additional texts, and how many of each kind. */
struct day {
	char texts[200];
	unsigned outcomes, policies;
	unsigned stop_after; /* outcomes; 0: never */
	uint64_t ignored;
};

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	struct day *d = arg;
	size_t len = strlen(d->texts);

	snprintf(d->texts + len, sizeof(d->texts) - len, "%s%s",
	    len > 0 ? " " : "", o->additional);
	d->outcomes++;
	return d->outcomes != d->stop_after;
}

static bool
on_policy(void *arg, const struct sts_outcome_policy *p)
{
	struct day *d = arg;
	size_t len = strlen(d->texts);

	if ((size_t)snprintf(d->texts + len, sizeof(d->texts) - len,
		"[%lld %s]", (long long)p->fetched,
		p->text) >= sizeof(d->texts) - len)
		tap_diag("no room for %s", p->text);
	d->policies++;
	return true;
}

static const char *
read_day(int64_t which, struct day *d)
{
	struct sts_outcomes_reader reader = {on_outcome, on_policy, d, 0};
	enum sts_status status = sts_outcomes_read(store, which, &reader);

	d->ignored = reader.ignored;
	return sts_status_name(status);
}

static void
test_days(void)
{
	struct day d = {0}, next = {0};
	char text[STS_DAY_TEXT];

	umask(077);
	is_str(read_day(day, &d), "not_found", "no session: no file");
	is_int(append(day * STS_DAY, "first"), STS_OK, "an outcome");
	is_int(append(day * STS_DAY + STS_DAY - 1, "last"), STS_OK,
	    "one at the end of that day in UTC");
	is_int(append(day * STS_DAY + STS_DAY, "next"), STS_OK,
	    "one a second later");
	is_int(mode_of(""), 0750, "the directory's mode, whatever the umask");
	is_int(mode_of("2024-10-04"), 0640, "and a file's");
	is_str(read_day(day, &d), "ok", "the day is read");
	is_str(d.texts, "first last", "it has both");
	is_int((long long)d.ignored, 0, "and nothing else");
	is_str(read_day(day + 1, &next), "ok", "the day after");
	is_str(next.texts, "next", "has the other");
	umask(022);
	is_int(chmod(path_of("2024-10-04"), 0666), 0, "a mode that is changed");
	is_int(append(day * STS_DAY, "again"), STS_OK, "is no fault");
	is_int(mode_of("2024-10-04"), 0640, "and is put right");
	forget();
	sts_outcomes_day_text(0, text);
	is_str(text, "1970-01-01", "the first day");
	sts_outcomes_day_text(11016, text);
	is_str(text, "2000-02-29", "the leap day of 2000");
	sts_outcomes_day_text(2932896, text);
	is_str(text, "9999-12-31", "the last day");
}

/* As gmtime(3) has them. */
static void
test_calendar(void)
{
	int64_t wrong = -1;

	/* To the end of gmtime's: 2038 where time_t has 32 bits. */
	const int64_t end = sizeof(time_t) > 4 ? 2932897 : INT32_MAX / STS_DAY;

	for (int64_t i = 0; i < end && wrong < 0; i += 1 + i / 60000) {
		time_t time = (time_t)(i * STS_DAY);
		char text[STS_DAY_TEXT], expected[20] = "";
		struct tm tm;

		if (gmtime_r(&time, &tm) != NULL)
			(void)strftime(
			    expected, sizeof(expected), "%Y-%m-%d", &tm);
		sts_outcomes_day_text(i, text);
		if (strcmp(text, expected) != 0)
			wrong = i;
	}
	is_int(wrong, -1, "each day has its name");
}

static void
test_policy(void)
{
	static char body[] = "version: STSv1\nmode: none\nmax_age: 86400\n";
	struct sts_entry e = {.domain = "d.test",
	    .fetched = day * STS_DAY - 5,
	    .body = body,
	    .body_len = strlen(body)};
	struct sts_outcomes_reader reader = {on_outcome, NULL, NULL, 0};
	struct day d = {0}, without = {0};

	is_int(sts_outcomes_append_policy(store, e.domain, e.fetched,
		   (struct sts_span){e.body, e.body_len}, day * STS_DAY),
	    STS_OK, "the text of a policy");
	is_int(append(day * STS_DAY, "one"), STS_OK, "then an outcome");
	(void)read_day(day, &d);
	is_str(d.texts,
	    "[1727999995 version: STSv1\nmode: none\nmax_age: 86400\n] one",
	    "both are read");
	reader.arg = &without;
	is_int(sts_outcomes_read(store, day, &reader), STS_OK,
	    "a reader may not want policies");
	is_str(without.texts, "one", "and gets the outcomes");
	forget();
}

/* What a session is counted under. */
static void
test_set_policy(void)
{
	static const int64_t now = 1800000000;
	static char body[] = "x";
	struct sts_entry e = {.fetched = now - 100,
	    .expires = now + 1,
	    .policy = {.mode = STS_MODE_TESTING}};
	struct sts_check none = {.checked = now};
	struct sts_check failed = {
	    .checked = now, .reason = STS_POLICY_NO_MX, .until = now + 1};
	struct sts_outcome o = example(now, "x");

	ok(!sts_outcomes_set_policy(&o, &e, &none, now) && o.fetched == 0 &&
		o.type == STS_POLICY_TYPE_NO_POLICY_FOUND,
	    "no policy");
	ok(sts_outcomes_set_policy(&o, &e, &failed, now) && o.fetched == 0 &&
		o.type == STS_POLICY_TYPE_STS &&
		o.result == STS_RESULT_STS_POLICY_INVALID,
	    "one that could not be fetched: the session failed for that");
	is_str(o.reason, "policy-no-mx", "with its reason");
	o = example(now, "x");
	ok(!sts_outcomes_set_policy(&o, &e, &failed, now + 1) &&
		o.type == STS_POLICY_TYPE_NO_POLICY_FOUND &&
		o.result == STS_RESULT_NONE,
	    "as long as that counts");
	e.body = body;
	ok(!sts_outcomes_set_policy(&o, &e, &failed, now) &&
		o.type == STS_POLICY_TYPE_STS && o.fetched == now - 100 &&
		o.result == STS_RESULT_NONE,
	    "a policy in force counts, though a newer one cannot be fetched");
	e.policy.mode = STS_MODE_NONE;
	ok(!sts_outcomes_set_policy(&o, &e, &failed, now) && o.fetched == 0 &&
		o.type == STS_POLICY_TYPE_NO_POLICY_FOUND,
	    "one of mode none is as none");
}

static void
test_unsound(void)
{
	struct sts_outcome o = example(day * STS_DAY, "x");

	strcpy(o.domain, "../d.test");
	is_int(sts_outcomes_append(store, &o), STS_INTERNAL,
	    "an outcome of no domain is not written");
	is_int(size_of(""), -1, "nor is anything made for it");
}

/* A line that another process was not able to end. */
static void
test_fragments(void)
{
	struct day d = {0};

	write_most = 30;
	is_int(append(day * STS_DAY, "cut"), STS_STATE_FULL,
	    "a disk that fills up in the middle of a line");
	is_int(size_of("2024-10-04"), 30, "with some of it written");
	write_most = 0;
	write_error = ENOSPC;
	is_int(append(day * STS_DAY, "lost"), STS_STATE_FULL, "a full disk");
	write_error = EIO;
	is_int(append(day * STS_DAY, "lost"), sts_status_from_errno(EIO),
	    "one that fails");
	write_error = 0;
	is_int(append(day * STS_DAY, "whole"), STS_OK, "then there is room");
	is_str(read_day(day, &d), "ok", "it is read");
	is_str(d.texts, "whole", "the line behind half a line is not lost");
	is_int((long long)d.ignored, 1, "the half one counts for nothing");
	forget();
}

static void
put(const char *bytes, size_t len)
{
	int fd = open(path_of("2024-10-04"), O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		ok(false, "a file is written");
	close(fd);
}

static void
test_garbage(void)
{
	static char garbage[300000];
	struct day d = {0}, first = {.stop_after = 1};

	(void)append(day * STS_DAY, "a");
	put("1 half a line", 13);
	(void)append(day * STS_DAY, "b");
	put("\0\0\n\n\r\n\xff\n", 8);
	(void)append(day * STS_DAY, "c");
	memset(garbage, 'x', sizeof(garbage));
	put(garbage, sizeof(garbage));
	(void)append(day * STS_DAY, "d");
	garbage[sizeof(garbage) - 1] = '\n';
	put(garbage, sizeof(garbage));
	(void)append(day * STS_DAY, "e");
	put("\n1 1 d.test no-policy-found 0 success - - - - - not-ended .", 60);
	is_str(read_day(day, &d), "ok", "a file with garbage is read");
	is_str(d.texts, "a b c d e", "each line of ours, and no other");
	is_int((long long)d.ignored, 6, "six lines are not");
	is_str(read_day(day, &first), "ok", "a reader may stop");
	is_str(first.texts, "a", "when it likes");
	forget();
}

/* 256 MiB a day. */
static void
test_size(void)
{
	int fd;

	(void)append(day * STS_DAY, "a");
	fd = open(path_of("2024-10-04"), O_WRONLY);
	ok(fd >= 0 && ftruncate(fd, STS_OUTCOMES_FILE_MAX - 100) == 0,
	    "a file of nearly 256 MiB");
	close(fd);
	is_int(append(day * STS_DAY, "b"), STS_OK, "a line that fits");
	is_int(append(day * STS_DAY, "c"), STS_STATE_FULL, "one that does not");
	ok(size_of("2024-10-04") <= STS_OUTCOMES_FILE_MAX, "is not written");
	is_int(append((day + 1) * STS_DAY, "d"), STS_OK, "the next day is new");
	forget();
}

/* ulimit -f of the user who sends: a write beyond it would be SIGXFSZ. */
static void
test_limit(void)
{
	int status = 0;
	pid_t pid;

	(void)append(day * STS_DAY, "a");
	if ((pid = fork()) == 0) {
		struct rlimit limit = {4096, 4096};
		bool full;

		(void)setrlimit(RLIMIT_FSIZE, &limit);
		full = append(day * STS_DAY, "b") == STS_STATE_FULL;
		_exit(full ? 7 : 8);
	}
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	    "a limit for files is a full disk, and no signal");
	forget();
}

/* No descriptor left in the mail server's process. */
static void
test_descriptors(void)
{
	struct day d = {0};
	int status = 0;
	pid_t pid;

	(void)append(day * STS_DAY, "a");
	if ((pid = fork()) == 0) {
		struct rlimit limit = {3, 3};
		bool append_fails, read_fails;

		(void)setrlimit(RLIMIT_NOFILE, &limit);
		append_fails = append(day * STS_DAY, "b") == STS_NO_DESCRIPTORS;
		read_fails = strcmp(read_day(day, &d), "no_descriptors") == 0;
		_exit(append_fails && read_fails ? 7 : 8);
	}
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	    "without a descriptor that is the fault");
	forget();
}

static void
refused(const char *what)
{
	struct day d = {0};

	is_int(append(day * STS_DAY, "x"), STS_STATE_UNWRITABLE,
	    "%s is not written", what);
	is_str(read_day(day, &d), "state_unreadable", "nor read");
	is_int(unlink(path_of("2024-10-04")), 0, "it is still there");
}

static void
test_kinds(void)
{
	char target[100];
	struct day d = {0};
	int fd;

	snprintf(target, sizeof(target), "%s/target", dir);
	fd = open(target, O_WRONLY | O_CREAT, 0640);
	close(fd);
	(void)append(day * STS_DAY + STS_DAY, "makes the directory");
	is_int(symlink(target, path_of("2024-10-04")), 0, "a symbolic link");
	refused("a symbolic link");
	is_int(access(target, F_OK), 0, "what it names is there");
	is_int(mkfifo(path_of("2024-10-04"), 0640), 0, "a fifo");
	refused("a fifo");
	is_int(mkdir(path_of("2024-10-04"), 0750), 0, "a directory");
	is_int(
	    append(day * STS_DAY, "x"), STS_STATE_UNWRITABLE, "is not written");
	forget();
	is_int(symlink("/tmp", path_of("")), 0, "the directory is a link");
	is_str(read_day(day, &d), "state_unreadable", "it is not read");
	is_int(unlink(path_of("")), 0, "nor is it removed");
	(void)unlink(target);
}

/* Before this process stops being root. */
static void
test_root(void)
{
	struct sts_outcome o = example(day * STS_DAY, "x");

	if (geteuid() != 0) {
		tap_skip("root writes no outcome", "needs root");
		return;
	}
	is_int(sts_store_open(&store, dir, false), STS_OK, "root may read");
	is_int(sts_outcomes_append(store, &o), STS_STATE_UNWRITABLE,
	    "root writes no outcome in its own directory");
	sts_store_close(store);
	is_int(chown(dir, 65534, 65534), 0, "in another user's");
	is_int(sts_store_open(&store, dir, false), STS_OK, "it may read too");
	is_int(sts_outcomes_append(store, &o), STS_STATE_UNWRITABLE,
	    "root writes none either");
	is_int(size_of(""), -1, "and makes nothing");
	sts_store_close(store);
}

/* A file that root put there, open to all. */
static void
plant_foreign(void)
{
	int fd;

	if (geteuid() != 0)
		return;
	fd = mkdir(path_of(""), 0750) == 0 &&
		chown(path_of(""), 65534, 65534) == 0
	    ? open(path_of("2024-10-04"), O_WRONLY | O_CREAT, 0666)
	    : -1;
	ok(fd >= 0 && fchmod(fd, 0666) == 0, "root's file, open to all");
	close(fd);
}

static void
test_foreign(bool planted)
{
	if (!planted) {
		tap_skip("a file of another user", "needs root");
		return;
	}
	refused("a file of another user");
	forget();
}

static void
test_expiry(void)
{
	static const int64_t ages[] = {0, 1, 6, 7, 8, 9, 400};
	int64_t today = day + 10;
	char name[STS_DAY_TEXT];

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		(void)append((today - ages[i]) * STS_DAY + 7, "x");
	(void)append((today + 1) * STS_DAY, "x");
	is_int(mkdir(path_of("2020-01-01"), 0750), 0, "a directory");
	is_int(mkdir(path_of("notes"), 0750), 0, "and something else");
	sts_outcomes_expire(store, today * STS_DAY + STS_DAY - 1);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		sts_outcomes_day_text(today - ages[i], name);
		is_int(size_of(name) > 0, ages[i] <= STS_OUTCOMES_DAYS,
		    "a file of %lld days ago", (long long)ages[i]);
	}
	sts_outcomes_day_text(today + 1, name);
	ok(size_of(name) > 0, "one of tomorrow is kept");
	ok(size_of("2020-01-01") >= 0 && size_of("notes") >= 0,
	    "and what is no file of a day");
	sts_outcomes_expire(store, 0);
	ok(size_of(name) > 0, "a clock at zero removes nothing");
	forget();
	sts_outcomes_expire(store, today * STS_DAY);
	ok(size_of("") < 0, "nothing there is no fault");
}

/* What the writers say that they have appended, in memory of all of them. */
static struct appended {
	volatile int count[WRITERS];
} * appended;

static void
write_lines(int writer, int from, int most)
{
	struct sts_outcome o = example(day * STS_DAY, "");

	/* Long ones go over the ends of pages, where a kill may cut them. */
	memset(o.helo, 'h', STS_NAME_MAX);
	memset(o.mx, 'm', STS_NAME_MAX);
	for (int i = from; i < most; i++) {
		snprintf(
		    o.additional, sizeof(o.additional), "%d %d", writer, i);
		if (sts_outcomes_append(store, &o) == STS_OK)
			appended->count[writer] = i + 1;
		else
			_exit(1);
	}
	/* Those that are to be killed wait for it. */
	while (most == KILL_LINES)
		(void)pause();
	_exit(0);
}

static pid_t
start_writer(int writer, int most)
{
	pid_t pid = fork();

	if (pid == 0)
		write_lines(writer, appended->count[writer], most);
	return pid;
}

/* Which lines are in the file. */
struct seen {
	unsigned char *line[WRITERS];
	unsigned lines;
	bool odd;
};

static bool
on_line(void *arg, const struct sts_outcome *o)
{
	struct seen *s = arg;
	int writer, line;

	if (sscanf(o->additional, "%d %d", &writer, &line) != 2 || writer < 0 ||
	    writer >= WRITERS || line < 0 || line >= KILL_LINES ||
	    strlen(o->helo) != STS_NAME_MAX || strlen(o->mx) != STS_NAME_MAX)
		s->odd = true;
	else
		s->line[writer][line] = 1;
	s->lines++;
	return true;
}

/* Reads all, and compares it with what the writers said. */
static void
check_lines(unsigned least, unsigned most_ignored)
{
	struct seen s = {.odd = false};
	struct sts_outcomes_reader reader = {on_line, NULL, &s, 0};
	long long lost = 0;

	for (int i = 0; i < WRITERS; i++)
		s.line[i] = calloc(1, KILL_LINES);
	is_int(sts_outcomes_read(store, day, &reader), STS_OK, "all is read");
	for (int i = 0; i < WRITERS; i++) {
		for (int j = 0; j < appended->count[i]; j++)
			lost += s.line[i][j] == 0;
		free(s.line[i]);
	}
	tap_diag("%u lines, %llu ignored", s.lines,
	    (unsigned long long)reader.ignored);
	is_int(lost, 0, "no outcome is lost whose append returned");
	ok(!s.odd && s.lines >= least, "no line is torn or joined");
	ok(reader.ignored <= most_ignored, "what was cut off is at most %u",
	    most_ignored);
	forget();
}

static void
test_many(void)
{
	pid_t pid[WRITERS];
	bool good = true;

	memset(appended, 0, sizeof(*appended));
	for (int i = 0; i < WRITERS; i++)
		pid[i] = start_writer(i, LINES);
	for (int i = 0; i < WRITERS; i++) {
		int status = -1;

		good = waitpid(pid[i], &status, 0) == pid[i] && status == 0 &&
		    appended->count[i] == LINES && good;
	}
	ok(good, "%d processes append at once", WRITERS);
	check_lines(WRITERS * LINES, 0);
}

static void
pause_us(long us)
{
	struct timespec t = {0, us * 1000};

	(void)nanosleep(&t, NULL);
}

static void
test_killed(void)
{
	pid_t pid[WRITERS];
	int killed = 0;

	memset(appended, 0, sizeof(*appended));
	srandom(1);
	for (int i = 0; i < WRITERS; i++)
		pid[i] = start_writer(i, KILL_LINES);
	for (int i = 0; i < KILLS; i++) {
		int writer = (int)(random() % WRITERS), status = 0;

		pause_us(100 + random() % 4000);
		(void)kill(pid[writer], SIGKILL);
		(void)waitpid(pid[writer], &status, 0);
		killed += WIFSIGNALED(status) ? 1 : 0;
		pid[writer] = start_writer(writer, KILL_LINES);
	}
	for (int i = 0; i < WRITERS; i++) {
		(void)kill(pid[i], SIGKILL);
		(void)waitpid(pid[i], NULL, 0);
	}
	is_int(killed, KILLS, "writers are killed at random moments");
	check_lines(KILLS, KILLS + WRITERS);
}

int
main(void)
{
	bool root = geteuid() == 0;
	char command[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	test_root();
	plant_foreign();
	if (root && (setgid(65534) != 0 || setuid(65534) != 0))
		return 1;
	appended = mmap(NULL, sizeof(*appended), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (appended == MAP_FAILED ||
	    sts_store_open(&store, dir, true) != STS_OK)
		return 1;
	test_foreign(root);
	test_days();
	test_calendar();
	test_policy();
	test_set_policy();
	test_unsound();
	test_fragments();
	test_garbage();
	test_size();
	test_limit();
	test_descriptors();
	test_kinds();
	test_expiry();
	test_many();
	test_killed();
	sts_store_close(store);
	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
