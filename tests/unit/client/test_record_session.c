/* SPDX-License-Identifier: ISC */
/* Outcomes of a mail server that is root, and of one that is not. */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/record_session.h"
#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"

enum { OWNER = 65534 };

static char dir[] = "/tmp/mta-sts-record-session.XXXXXX";
static const int64_t day = 20000;

/* A disk that hangs. */
static bool hangs;

ssize_t
write(int fd, const void *buf, size_t len)
{
	while (hangs)
		(void)pause();
	return (ssize_t)syscall(SYS_write, fd, buf, len);
}

static bool
record(void)
{
	struct sts_outcome o = {.time = day * STS_DAY,
	    .domain = "d.test",
	    .type = STS_POLICY_TYPE_STS,
	    .result = STS_RESULT_VALIDATION_FAILURE,
	    .reason = "mtasts-policy-mx-mismatch"};
	struct sts_entry e = {0};
	struct sts_check check = {0};
	struct sts_config config = {0};
	struct sts_store *store;
	bool done;

	if (sts_store_open(&store, dir, false) != STS_OK)
		return false;
	done = sts_client_record_session(store, &config, &o, &e, &check);
	sts_store_close(store);
	return done;
}

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	if (strcmp(o->reason, "mtasts-policy-mx-mismatch") == 0)
		++*(int *)arg;
	return true;
}

static int
count(void)
{
	int outcomes = 0;
	struct sts_outcomes_reader reader = {on_outcome, NULL, &outcomes, 0};
	struct sts_store *store;

	if (sts_store_open(&store, dir, false) != STS_OK)
		return -1;
	(void)sts_outcomes_read(store, day, &reader);
	sts_store_close(store);
	return outcomes;
}

static void
check_owner(const char *name)
{
	char path[100];
	struct stat st = {0};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ok(stat(path, &st) == 0 && st.st_uid == OWNER && st.st_gid == OWNER,
	    "%s is the owner's", name);
}

static void
test_root(void)
{
	int64_t began;

	ok(!record(), "root writes nothing in a directory of its own");
	is_int(count(), 0, "there is nothing");
	is_int(chown(dir, OWNER, OWNER), 0, "in the owner's");
	ok(record() && record(), "root has it written");
	is_int(count(), 2, "each once");
	check_owner("outcomes");
	check_owner("outcomes/2024-10-04");
	ok(geteuid() == 0 && getuid() == 0, "and is root as before");
	ok(waitpid(-1, NULL, WNOHANG) < 0, "without a child left");
	(void)signal(SIGCHLD, SIG_IGN);
	(void)record();
	is_int(count(), 3, "a server that ignores SIGCHLD gets it written too");
	(void)signal(SIGCHLD, SIG_DFL);
	hangs = true;
	began = sts_monotonic_ms();
	ok(!record(), "a disk that hangs: it is lost");
	ok(sts_monotonic_ms() - began < 60000, "after a second");
	hangs = false;
	is_int(count(), 3, "and not written later");
}

static void
test_owner(void)
{
	int before = count();

	ok(record(), "the owner writes it");
	is_int(count(), before + 1, "once");
}

/* Which users there are does not matter: the number is another one. */
static void
test_another(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65533) != 0 || setuid(65533) != 0)
			_exit(9);
		_exit(record() ? 8 : 7);
	}
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	    "another user does not");
}

int
main(void)
{
	char command[64];

	if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		return 1;
	if (geteuid() == 0) {
		test_root();
		test_another();
	} else
		tap_skip("outcomes of root", "needs root");
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) != 0 || setgid(OWNER) != 0 ||
		setuid(OWNER) != 0))
		return 1;
	test_owner();
	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
