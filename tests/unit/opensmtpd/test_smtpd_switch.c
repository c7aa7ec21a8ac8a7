/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts enable opensmtpd` and `disable`, with an smtpd, an smtpctl and a
 * service of the test's: smtpd.conf is old or new, whatever refuses, and
 * wherever the command dies.  The calls below stand before those of libc.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "opensmtpd/enable/smtpd_switch.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_service.h"
#include "tests/unit/lib/tap_tool.h"

#define DATA "tests/unit/data/opensmtpd/enable/"

enum { TEXT_MAX = 65536, CALLS_MAX = 200 };

/* The call at which this process dies, or from which on the disk is full. */
static long calls, die_at, full_at;

static bool
is_refused(bool needs_room)
{
	if (++calls == die_at)
		(void)kill(getpid(), SIGKILL);
	if (full_at == 0 || calls < full_at || !needs_room)
		return false;
	errno = ENOSPC;
	return true;
}

ssize_t
write(int fd, const void *buf, size_t size)
{
	return is_refused(true) ? -1 : syscall(SYS_write, fd, buf, size);
}

int
fsync(int fd)
{
	(void)fd; /* nothing here survives a power cut */
	return is_refused(true) ? -1 : 0;
}

int
rename(const char *from, const char *to)
{
	return is_refused(false)
	    ? -1
	    : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink(const char *path)
{
	return is_refused(false)
	    ? -1
	    : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static char top[] = "/tmp/mta-sts-switch.XXXXXX";
static char conf[64], record[64], smtpd[64], manager[64], smtpctl[64], proc[64],
    queue[64], stuck[64], trial[96];
static char old[TEXT_MAX], new[TEXT_MAX];
static unsigned setups;
static enum sts_managed managed;
static bool change_in_setup;
static char runs_as[64];
static char *said; /* both outputs of the last run */

static bool
set_up(void *arg, const char *user)
{
	(void)arg;
	(void)user;
	setups++;
	if (change_in_setup)
		write_file(conf, "# mine\n", 7);
	return true;
}

static int
run(enum sts_switched (*what)(const struct sts_smtpd_switch *e), bool dry_run,
    const char *file)
{
	struct sts_config config = {.state_dir = "/nonexistent/mta-sts"};
	size_t len;
	int code;
	struct sts_smtpd_switch e = {.dry_run = dry_run,
	    .record = record,
	    .file = file,
	    .config = &config,
	    .smtpd = smtpd,
	    .smtpctl = smtpctl,
	    .manager = managed != STS_MANAGED_NOT ? manager : NULL,
	    .managed = managed,
	    .wait_ms = 100,
	    .stays_ms = 50,
	    .drain_ms = 30,
	    .proc = proc,
	    .queue = queue,
	    .now = time(NULL) - 5, /* read before all that was done */
	    .user = runs_as,
	    .setup = set_up};

	free(said);
	said = NULL;
	e.out = e.err = open_memstream(&said, &len);
	code = (int)what(&e);
	(void)fclose(e.out);
	return code;
}

static int
enable(void)
{
	return run(sts_smtpd_enable, false, conf);
}

static int
disable(void)
{
	return run(sts_smtpd_disable, false, NULL);
}

/* Without a record the file has to be named, as it is not the usual one. */
static int
disable_file(void)
{
	return run(sts_smtpd_disable, false, conf);
}

/* "old", "new" or "neither". */
static const char *
now(void)
{
	static char text[TEXT_MAX];

	read_text(conf, text, sizeof(text));
	return strcmp(text, old) == 0 ? "old"
	    : strcmp(text, new) == 0  ? "new"
				      : "neither";
}

static void
put(const char *text)
{
	write_file(conf, text, strlen(text));
	(void)chmod(conf, 0600);
}

static bool
says(const char *text)
{
	bool found = strstr(said, text) != NULL;

	if (!found)
		tap_diag("%s", said);
	return found;
}

static void
arrange(void)
{
	(void)!mkdtemp(top);
	/* A copy: the next look at a user may have libc's. */
	(void)snprintf(
	    runs_as, sizeof(runs_as), "%s", getpwuid(geteuid())->pw_name);
	(void)snprintf(conf, sizeof(conf), "%s/etc", top);
	(void)mkdir(conf, 0755);
	(void)snprintf(conf, sizeof(conf), "%s/etc/smtpd.conf", top);
	(void)snprintf(trial, sizeof(trial), "%s.mta-sts-trial", conf);
	(void)snprintf(record, sizeof(record), "%s/record/opensmtpd", top);
	(void)snprintf(smtpd, sizeof(smtpd), "%s/smtpd", top);
	(void)snprintf(manager, sizeof(manager), "%s/manager", top);
	(void)snprintf(smtpctl, sizeof(smtpctl), "%s/smtpctl", top);
	(void)snprintf(proc, sizeof(proc), "%s/proc", top);
	(void)snprintf(queue, sizeof(queue), "%s/queue", top);
	(void)snprintf(stuck, sizeof(stuck), "%s/stuck", top);
	read_text(DATA "debian-12.in", old, sizeof(old));
	read_text(DATA "debian-12.out", new, sizeof(new));
	service_script(smtpd,
	    "#!/bin/sh\n"
	    "while read -r line; do case $line in\n"
	    "*BROKEN*) echo \"$3:7: syntax error\"; exit 1;; esac\n"
	    "done <\"$3\"\n");
	put(old);
	service_script(smtpctl, "#!/bin/sh\necho uptime=0\n");
}

static void
plain(void)
{
	struct stat st;

	is_int(run(sts_smtpd_enable, true, conf), 0, "--dry-run");
	is_str(now(), "old", "changes nothing");
	ok(says("+table mta-sts \"mta-sts:/etc/mta-sts.conf\"\n") &&
		says("would: mta-sts setup --user ") && says("dry run"),
	    "and shows the difference and each step");
	ok(setups == 0 && access(record, F_OK) != 0 && access(trial, F_OK) != 0,
	    "and makes nothing");
	is_int(enable(), 0, "enable");
	is_str(now(), "new", "puts what is missing into smtpd.conf");
	ok(stat(conf, &st) == 0 && (st.st_mode & 07777) == 0600,
	    "with the mode that it had");
	is_int(setups, 1, "makes the state directory");
	ok(says("restart smtpd"), "and says what to do without systemd");
	ok(access(trial, F_OK) != 0, "no trial is left");
	is_int(enable(), 0, "once more");
	is_str(now(), "new", "changes nothing");
	is_int(run(sts_smtpd_disable, true, NULL), 0, "disable --dry-run");
	is_str(now(), "new", "changes nothing");
	is_int(run(sts_smtpd_disable, false, smtpd), 1,
	    "disable with another file");
	is_str(now(), "new", "changes nothing");
	is_int(disable(), 0, "disable");
	is_str(now(), "old", "gives back what was there");
	ok(stat(conf, &st) == 0 && (st.st_mode & 07777) == 0600,
	    "with the mode that it had");
	is_int(disable(), 0, "once more");
	ok(says("nothing to do"), "there is nothing to do");
}

static void
refused(void)
{
	char text[TEXT_MAX + 16], path[128];
	int result;

	(void)snprintf(text, sizeof(text), "%s# BROKEN\n", old);
	put(text);
	is_int(enable(), 1, "an smtpd.conf that smtpd does not take");
	ok(says("/smtpd.conf:7: syntax error"), "in smtpd's own words");
	put("listen on localhost\naction r relay host smtp://h\n"
	    "match for any action r\n");
	is_int(enable(), 1, "a smart host");
	ok(says("smart host") && says("  fix: "), "is said to be one");
	put("listen on localhost\n");
	is_int(enable(), 1, "no remote mail");
	read_text(DATA "auth-only.in", text, sizeof(text));
	put(text);
	result = run(sts_smtpd_enable, true, conf);
	is_int(result, 0, "programs of this machine may not relay");
	if (result != 0)
		tap_diag("%s", said);
	ok(says("without a hold listener: ") && !strstr(said, "HELD"),
	    "so there is no hold listener, which is said");
	put(new);
	is_int(enable(), 0, "written by hand");
	ok(says("has all that MTA-STS needs") && !strstr(said, "takes it back"),
	    "is left as it is");
	is_int(run(sts_smtpd_disable, false, conf), 1, "and is not taken back");
	is_str(now(), "new", "not a byte");
	put(old);
	is_int(enable(), 0, "switched on");
	(void)snprintf(text, sizeof(text), "%s# mine\n", new);
	put(text);
	is_int(disable(), 1, "changed since: disable refuses");
	ok(says("was changed after"), "and says so");
	is_str(now(), "neither", "and leaves it");
	is_int(enable(), 0, "enable: nothing is missing");
	put(new);
	is_int(disable(), 0, "as it was: disable takes it back");
	is_str(now(), "old", "byte for byte");
	(void)snprintf(path, sizeof(path), "%s/none", top);
	is_int(run(sts_smtpd_enable, false, path), 3, "no such file");
}

/* The line of the last output that begins with these words, run. */
static bool
follow(const char *words)
{
	char line[512];
	const char *at = strstr(said, words);

	if (at == NULL)
		return false;
	(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return system(line) != -1;
}

/* Whether smtpd.conf has this text. */
static bool
has(const char *part)
{
	static char text[TEXT_MAX];

	read_text(conf, text, sizeof(text));
	return strstr(text, part) != NULL;
}

/* What is said after a change of the operator's is done as it stands. */
static void
keep_edit(const char *text, const char *name, bool rejected)
{
	bool again;

	is_int(enable(), 0, "%s: switched on before", name);
	put(text);
	is_int(disable(), 1, "%s: disable refuses", name);
	again = enable() != 0;
	if (!again)
		(void)disable();
	ok(says("    to keep your change:\n") && follow("diff -u ") &&
		follow("cp "),
	    "%s: how to keep it is said", name);
	is_str(now(), "new", "%s: the change is put aside", name);
	ok(says("mta-sts disable opensmtpd\n") &&
		again == (strstr(said, "mta-sts enable opensmtpd\n") != NULL),
	    "%s: then come the commands", name);
	if (system("command -v patch >/dev/null") == 0) {
		static char patch[TEXT_MAX];
		char *end;

		(void)snprintf(
		    patch, sizeof(patch), "%s", strstr(said, "patch "));
		end = strchr(patch, '\n');
		if (end != NULL)
			*end = '\0';
		is_int(disable(), 0, "%s: disable", name);
		ok((system(patch) == 0) == !rejected && has("# mine") &&
			!has("mta-sts"),
		    "%s: the change is in the old file", name);
		is_int(enable(), 0, "%s: enable", name);
		ok(has("# mine") && has("mta-sts"), "%s: and in the new one",
		    name);
	}
	is_int(disable(), 0, "%s: taken back", name);
	put(old);
}

static void
edited(void)
{
	static char text[TEXT_MAX + 16];
	char *at;

	(void)snprintf(text, sizeof(text), "%s# mine\n", new);
	keep_edit(text, "a line at the end", false);
	(void)snprintf(text, sizeof(text), "# mine\n%s", new);
	at = strstr(text, "match from local for domain <mta-sts> ");
	memset(at, '#', strcspn(at, "\n"));
	keep_edit(text, "a rule of ours taken out", true);
}

static void
trial_refused(void)
{
	service_script(smtpd,
	    "#!/bin/sh\n"
	    "case $3 in *trial) echo \"$3:9: no\"; exit 1;; esac\n");
	is_int(enable(), 1, "a trial that smtpd does not take");
	ok(says("trial:9: no"), "in smtpd's own words");
	is_str(now(), "old", "nothing is changed");
	ok(access(trial, F_OK) != 0, "no trial is left");
	service_script(smtpd, "#!/bin/sh\n");
}

/* Another user could choose what is written there. */
static void
unsafe(void)
{
	char dir[96], text[192], mark[96];

	(void)snprintf(dir, sizeof(dir), "%s/etc", top);
	(void)snprintf(mark, sizeof(mark), "%s/tried", top);
	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\ncase $3 in *trial) : >%s;; esac\n", mark);
	service_script(smtpd, text);
	(void)chmod(dir, 0777);
	is_int(enable(), 3, "a directory that all can write");
	ok(says("another user could change"), "is refused");
	ok(access(mark, F_OK) != 0, "before the trial is written there");
	(void)chmod(dir, 0755);
	service_script(smtpd, "#!/bin/sh\n");
	is_str(now(), "old", "nothing is changed");
}

/* By the operator, after it was read: while the trial runs, or the setup. */
static void
changed_meanwhile(void)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\ncase $3 in *trial) echo '# mine' >>%s;; esac\n", conf);
	service_script(smtpd, text);
	is_int(enable(), 1, "changed while the trial runs");
	ok(says("was changed while this ran"), "which is said");
	read_text(conf, text, sizeof(text));
	ok(strstr(text, "\n# mine\n") != NULL && strstr(text, "HELD") == NULL,
	    "the operator's change stays");
	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\ncase $3 in *trial) ;; *) echo '# ours' >>%s;; esac\n",
	    conf);
	service_script(smtpd, text);
	put(old);
	is_int(enable(), 1, "changed while smtpd looks at the old file");
	ok(says("was changed while this ran") && has("\n# ours\n") &&
		!has("HELD"),
	    "the operator's change stays");
	service_script(smtpd, "#!/bin/sh\n");
	put(old);
	change_in_setup = true;
	is_int(enable(), 1, "changed while the state directory is made");
	ok(says("was changed while this ran"), "which is said");
	change_in_setup = false;
	read_text(conf, text, sizeof(text));
	is_str(text, "# mine\n", "the operator's file stays");
	ok(access(trial, F_OK) != 0, "no trial is left");
	put(old);
}

enum { STAYS = 0x1f /* the end of an id that "schedule" leaves alone */ };

static void
queue_bytes(unsigned id, const char *bytes)
{
	char path[128], text[192];

	(void)snprintf(
	    text, sizeof(text), "mkdir -p %s/a0/a0b1c2d3 %s/no", queue, queue);
	(void)!system(text);
	(void)snprintf(
	    path, sizeof(path), "%s/a0/a0b1c2d3/a0b1c2d3e4f506%02x", queue, id);
	write_file(path, bytes, strlen(bytes));
}

/* A recipient in the queue, of this action. */
static void
queue_one(const char *action)
{
	char text[192];

	(void)snprintf(text, sizeof(text),
	    "version: 3\ndispatcher: %s\ntype: mta\n", action);
	queue_bytes(0x17, text);
}

/* The same, encrypted. */
static void
queue_sealed(void)
{
	queue_bytes(0x17, "\1\2\3");
}

/* One that stays, and came so much later. */
static void
queue_later(long seconds)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
	char text[192];

	queue_bytes(STAYS, "\1\2\3");
	(void)snprintf(text, sizeof(text), "%s/a0/a0b1c2d3/message", queue);
	write_file(text, "x", 1);
	times[1].tv_sec = time(NULL) + seconds;
	(void)utimensat(AT_FDCWD, text, times, 0);
}

/* What ran is gone, and the next start has this fault. */
static void
die(const char *fault)
{
	char text[96];

	service_fault(top, fault);
	(void)snprintf(text, sizeof(text), "rm -r %s/*1", proc);
	(void)!system(text);
}

/* Still there, and nothing had smtpd try it. */
static bool
is_queued(void)
{
	char path[128];

	(void)snprintf(
	    path, sizeof(path), "%s/a0/a0b1c2d3/a0b1c2d3e4f50617", queue);
	return access(path, F_OK) == 0 && !service_was_called(top, "schedule");
}

/*
 * Switched on before, and smtpd no longer comes up: the operator has not asked
 * for mail without policies, so the file stays, and so does what waits.
 */
static void
complete_but_dead(void)
{
	service_make(top, "opensmtpd");
	is_int(enable(), 0, "smtpd starts with it, and so does the filter");
	is_str(now(), "new", "it stays");
	ok(says("MTA-STS is on;"), "and is on");
	is_int(disable(), 0, "taken back");
	ok(says("manager restart opensmtpd") && says("MTA-STS is off"),
	    "smtpd is restarted, and does not miss the hold listener");
	is_int(enable(), 0, "switched on");
	is_int(enable(), 0, "once more, and it is what runs");
	ok(!strstr(said, "restart"), "so nothing is restarted");
	queue_one("mta-sts");
	die("filter");
	is_int(enable(), 1, "the filter has died, and does not come up again");
	ok(says("has all that MTA-STS needs") &&
		says("smtpd does not serve: with the file as it is its filter, "
		     "filter-mta-sts, does not run\n"),
	    "which is said");
	is_str(now(), "new", "the file stays");
	ok(says("smtpd.conf stays as it is, with MTA-STS; mta-sts disable "
		"opensmtpd takes it back\n") &&
		!strstr(said, "as it was"),
	    "and so is what takes it back");
	ok(is_queued(), "mail that was accepted with it waits");
	service_fault(top, "none");
	is_int(enable(), 0, "once the filter is repaired");
	ok(says("MTA-STS is on;") && is_queued(),
	    "it is on, and mail leaves under policies");
	die("filter");
	is_int(enable(), 1, "dead again");
	is_int(disable(), 0, "disable, with the filter still dead");
	ok(says("nothing waits under these actions any more") && !is_queued(),
	    "brings that mail out");
	is_str(now(), "old", "and gives back what was there");
	put(new);
	is_int(enable(), 1, "the same with a file that was written by hand");
	ok(says("smtpd does not serve: ") && says("smtpd.conf is as it was"),
	    "is said");
	is_str(now(), "new", "and the file stays");
	put(old);
}

/* As it is left for mail that waits, and nothing of policies in it. */
static bool
is_draining(void)
{
	return has("\naction \"mta-sts\" relay\n"
		   "action \"mta-sts-hold\" relay\n") &&
	    !has("<mta-sts");
}

/* Mail that was accepted with MTA-STS does not wait for ever. */
static void
drained(void)
{
	service_make(top, "opensmtpd");
	is_int(enable(), 0, "switched on");
	queue_one("mta-sts-hold");
	is_int(disable(), 0, "disable, with mail of ours in the queue");
	ok(says("+action \"mta-sts-hold\" relay\n") &&
		says("nothing waits under these actions any more"),
	    "brings it out");
	is_str(now(), "old", "and gives back what was there");
	is_int(enable(), 0, "switched on");
	queue_one("mta-sts");
	write_file(stuck, "", 0);
	is_int(disable(), 0, "disable, with mail that does not leave");
	ok(is_draining() && says("1 recipient(s) accepted under the actions"),
	    "the actions stay for it, which is said");
	is_int(disable(), 0, "once more");
	ok(is_draining() && says("still wait"), "the same");
	is_int(run(sts_smtpd_enable, true, conf), 1, "enable --dry-run");
	is_int(enable(), 0, "enable");
	is_str(now(), "new", "takes them out, and is what it always is");
	is_int(disable(), 0, "disable");
	(void)unlink(stuck);
	is_int(disable(), 0, "and when the mail leaves, once more");
	is_str(now(), "old", "gives back what was there");
	queue_one("relay");
	is_int(disable_file(), 0, "mail of another action");
	ok(says("nothing to do"), "does not matter");
	queue_one("mta-sts");
	is_int(disable_file(), 0,
	    "mail of ours, after a run that was interrupted");
	ok(says("nothing waits under these actions any more"), "leaves");
	is_str(now(), "old", "and the file is as it was");
}

/* Mail waits, smtpd.conf is the old one, and both ways out are said. */
static void
is_left(const char *name)
{
	is_str(now(), "old", "%s: no action for mail without policies", name);
	ok(is_queued(), "%s: mail that was accepted with MTA-STS waits", name);
	ok(says("mta-sts: 1 recipient(s) wait under actions that ") &&
		says("mta-sts enable opensmtpd has them leave under policies; "
		     "mta-sts disable opensmtpd, without\n"),
	    "%s: which is said, and what brings it out", name);
}

/* Accepted by an smtpd that served for a moment with the new file. */
static void
left_by_enable(const char *action)
{
	service_make(top, "opensmtpd");
	service_fault(top, "filter");
	queue_one(action);
	is_int(enable(), 1, "%s: taken back by itself", action);
	ok(says("the old file is back: ") &&
		says("mta-sts: smtpd.conf is as it was\n"),
	    "%s: which is said", action);
	is_left(action);
	service_fault(top, "none");
	is_int(enable(), 0, "%s: enable, once that is repaired", action);
	ok(is_queued() && !strstr(said, "recipient(s)"),
	    "%s: it leaves under policies", action);
	is_int(disable(), 0, "%s: switched off", action);
	ok(!is_queued(), "%s: that brings it out", action);
	queue_one(action);
	service_make(top, "opensmtpd");
	service_fault(top, "filter");
	is_int(enable(), 1, "%s: taken back again", action);
	is_int(disable_file(), 0, "%s: disable, with nothing repaired", action);
	ok(says("nothing waits under these actions any more") && !is_queued(),
	    "%s: brings it out", action);
	is_str(now(), "old", "%s: the file is as it was", action);
}

/* `disable` has left actions for mail that does not leave. */
static void
make_draining(void)
{
	service_make(top, "opensmtpd");
	(void)enable();
	queue_one("mta-sts");
	write_file(stuck, "", 0);
	ok(disable() == 0 && is_draining(), "actions are left for mail");
	(void)unlink(stuck);
	/* So that the calls are those of what comes. */
	service_make(top, "opensmtpd");
}

/* `enable` takes these actions out, and comes to nothing. */
static void
left_after_drain(void)
{
	char none[96];

	make_draining();
	(void)snprintf(none, sizeof(none), "%s/none", top);
	is_int(
	    run(sts_smtpd_enable, false, none), 3, "a file that is not there");
	ok(is_draining(), "the actions stay");
	service_fault(top, "filter");
	is_int(enable(), 1, "enable, and the filter does not come up");
	ok(says("the old file is back: ") &&
		says("mta-sts: MTA-STS is not on\n") &&
		!strstr(said, "as it was"),
	    "which is said");
	is_left("after disable");
	is_int(disable_file(), 0, "disable");
	ok(!is_queued(), "brings it out");
	is_str(now(), "old", "the file is as it was");
	make_draining();
	service_script(smtpd,
	    "#!/bin/sh\n"
	    "case $3 in *trial) echo \"$3:9: no\"; exit 1;; esac\n");
	is_int(enable(), 1, "enable, and smtpd does not take the new file");
	ok(says("mta-sts: MTA-STS is not on\n") && !strstr(said, "as it was"),
	    "which is said");
	is_left("after disable, tried");
	service_script(smtpd, "#!/bin/sh\n");
	is_int(enable(), 0, "enable, once that is repaired");
	ok(is_queued(), "it leaves under policies");
	is_int(disable(), 0, "disable");
	is_str(now(), "old", "the file is as it was");
}

/* Only smtpd can read its queue. */
static void
sealed(void)
{
	service_make(top, "opensmtpd");
	is_int(enable(), 0, "an encrypted queue: switched on");
	queue_sealed();
	is_int(disable(), 0, "disable");
	ok(says("1 recipient(s) are in an encrypted queue, and may have "
		"been ") &&
		says("nothing waits under these actions any more") &&
		!is_queued(),
	    "brings out what came before");
	is_str(now(), "old", "and gives back what was there");
	is_int(enable(), 0, "switched on");
	queue_sealed();
	write_file(stuck, "", 0);
	is_int(disable(), 0, "disable, with mail that does not leave");
	ok(is_draining() &&
		says(
		    "1 recipient(s) that were accepted before, perhaps under "),
	    "the actions stay for it, which is said");
	is_int(run(sts_smtpd_disable, true, NULL), 0, "disable --dry-run");
	ok(says("; now: 1"), "tells of it");
	is_int(disable(), 0, "once more");
	ok(is_draining() && says("still in the encrypted queue"), "the same");
	(void)unlink(stuck);
	queue_later(-1000);
	is_int(disable(), 0, "with other mail from before that start of smtpd");
	ok(is_draining() && says("still in the encrypted queue"), "the same");
	queue_later(1000);
	is_int(disable(), 0, "and with none that did not come later");
	ok(says("nothing waits under these actions any more"), "that is all");
	is_str(now(), "old", "gives back what was there");
	queue_later(0);
	is_int(disable_file(), 0, "and where MTA-STS was not on");
	ok(says("nothing to do") &&
		says("mta-sts: 1 recipient(s) are in an encrypted queue, where "
		     "only smtpd sees whether they wait"),
	    "nothing is done, and it is told");
	is_str(now(), "old", "the file is as it was");
	service_fault(top, "filter");
	is_int(enable(), 1, "an enable that is taken back by itself");
	ok(says("mta-sts: 1 recipient(s) are in an encrypted queue, where "),
	    "tells it, too");
	queue_bytes(STAYS, "version: 3\ndispatcher: local\n");
}

/* The same when they are there already, from an earlier run. */
static void
not_drained_again(const char *dry, const char *ended)
{
	make_draining();
	write_file(dry, "", 0);
	(void)utimensat(AT_FDCWD, conf, NULL, 0);
	service_script(smtpctl, "#!/bin/sh\necho uptime=9\n");
	is_int(disable(), 3, "disable again, and smtpd does not start again");
	ok(says("with the file that has them smtpd cannot be restarted") &&
		says("1 recipient(s) wait under actions that"),
	    "which is said");
	is_str(now(), "old", "the file is as it was");
	ok(access(ended, F_OK) != 0, "and smtpd runs with it");
	(void)unlink(dry);
	service_make(top, "opensmtpd");
	is_int(disable_file(), 0, "disable, once that is repaired");
	ok(says("nothing waits under these actions any more"), "brings it out");
}

/* smtpd does not come up with the actions for what waits. */
static void
not_drained(void)
{
	static const char head[] = "version: 3\ndispatcher: mta-sts\n";
	char dry[96], late[96], ended[96];

	(void)snprintf(dry, sizeof(dry), "%s/dry", top);
	(void)snprintf(late, sizeof(late), "%s/late", top);
	(void)snprintf(ended, sizeof(ended), "%s/ended", top);
	service_make(top, "opensmtpd");
	for (unsigned turn = 0; turn < 2; turn++) {
		(void)unlink(dry);
		is_int(enable(), 0, "switched on");
		if (turn == 0)
			queue_one("mta-sts");
		else
			write_file(late, head, strlen(head));
		write_file(dry, "", 0);
		is_int(disable(), 3, "disable, and no start with the actions");
		ok(says("with the file that has them smtpd cannot be "
			"restarted") &&
			says("1 recipient(s) wait under actions that") &&
			!strstr(said, "MTA-STS is off"),
		    "which is said");
		is_str(now(), "old", "the file is as it was");
		ok(access(ended, F_OK) != 0, "and smtpd runs with it");
		(void)unlink(dry);
		is_int(disable_file(), 0, "disable, once that is repaired");
		ok(says("nothing waits under these actions any more"),
		    "brings it out");
	}
	not_drained_again(dry, ended);
}

/* A restart fails while smtpd.conf is new; test_smtpd_service has each reason.
 */
static void
restarted(void)
{
	managed = STS_MANAGED_SYSTEMD;
	service_make(top, "opensmtpd");
	service_fault(top, "refused");
	is_int(enable(), 1, "smtpd does not start with the new file");
	ok(says("the old file is back: with the new one smtpd cannot be "
		"restarted: no such luck\n"),
	    "which is said");
	is_str(now(), "old", "the old one is back");
	complete_but_dead();
	drained();
	left_by_enable("mta-sts");
	left_by_enable("mta-sts-hold");
	left_after_drain();
	sealed();
	not_drained();
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	service_script(manager, "#!/bin/sh\nexit 1\n");
	is_int(enable(), 0, "smtpd does not run");
	ok(says("is not started") && says("on once smtpd is started"),
	    "it is not started");
	is_int(disable(), 0, "taken back");
	managed = STS_MANAGED_NOT;
	service_script(smtpctl, "#!/bin/sh\necho uptime=0\n");
}

/* In a child, with the call at which it dies or the disk is full. */
static int
run_child(int (*what)(void), long die, long full)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		calls = 0;
		die_at = die;
		full_at = full;
		_exit(what());
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Killed at each call: old or new, and the next runs go to their end. */
static void
killed(
    int (*what)(void), const char *name, const char *before, const char *after)
{
	unsigned bad = 0;
	long at = 1;
	int code = -1;

	for (; code < 0 && at < CALLS_MAX; at++) {
		code = run_child(what, at, 0);
		bad += strcmp(now(), before) != 0 && strcmp(now(), after) != 0;
		/* The next run may be of either command. */
		if (at % 4 == 0)
			bad += run_child(enable, 0, 0) != 0 ||
			    strcmp(now(), "new") != 0;
		bad +=
		    run_child(disable, 0, 0) != 0 || strcmp(now(), "old") != 0;
		if (what == disable)
			(void)run_child(enable, 0, 0);
	}
	is_int(code, 0, "%s, killed at each of %ld calls", name, at - 2);
	is_int(bad, 0, "old or new, then switched on and off again");
}

/* The same with mail that does not leave: the third state is said to be one. */
static void
killed_draining(void)
{
	char text[96];
	unsigned bad = 0;
	long at = 1;
	int code = -1;

	for (; code < 0 && at < CALLS_MAX; at += 5) {
		(void)run_child(enable, 0, 0);
		queue_one("mta-sts");
		code = run_child(disable_file, at, 0);
		bad += strcmp(now(), "neither") == 0 && !is_draining();
		bad += run_child(disable_file, 0, 0) != 0 || !is_draining();
		bad += run_child(enable, 0, 0) != 0 || strcmp(now(), "new");
		(void)run_child(disable_file, 0, 0);
		(void)snprintf(text, sizeof(text), "rm -r %s", queue);
		(void)!system(text);
		bad +=
		    run_child(disable_file, 0, 0) != 0 || strcmp(now(), "old");
	}
	is_int(code, 0, "disable with mail that waits, killed at its calls");
	is_int(bad, 0, "old, new or for that mail; then on and off again");
}

static void
full(void)
{
	unsigned bad = 0;
	int code = -1;
	long at = 1;

	put(old);
	for (; code != 0 && at < CALLS_MAX; at++) {
		code = run_child(enable, 0, at);
		/* Where even taking back needed room, the next run does it. */
		if (code != 0 && run_child(disable, 0, 0) == 0)
			bad += strcmp(now(), "old") != 0;
	}
	is_int(code, 0, "on a full disk from each of %ld calls on", at - 2);
	is_int(bad, 0, "nothing is changed");
	is_str(now(), "new", "with room it is");
}

int
main(void)
{
	arrange();
	plain();
	refused();
	put(old);
	edited();
	trial_refused();
	unsafe();
	changed_meanwhile();
	restarted();
	killed(enable, "enable", "old", "new");
	(void)enable();
	killed(disable, "disable", "new", "old");
	(void)disable();
	killed_draining();
	full();
	free(said);
	tap_remove(top);
	return tap_done();
}
