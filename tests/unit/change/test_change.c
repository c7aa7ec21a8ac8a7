/* SPDX-License-Identifier: ISC */
/*
 * A set of changes is made as a whole or not at all: whatever call of the
 * system it dies at, or is refused.  The calls below stand before those of
 * libc.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change/change.h"
#include "tests/unit/lib/tap.h"

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

int
symlink(const char *target, const char *path)
{
	return is_refused(true)
	    ? -1
	    : (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}

int
fchmod(int fd, mode_t mode)
{
	return is_refused(false) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

static char top[] = "/tmp/mta-sts-change.XXXXXX";
static char record[64];

static const char *
at(const char *path)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s%s", top, path);
	return buf;
}

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(at(path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || syscall(SYS_write, fd, text, strlen(text)) < 0 ||
	    syscall(SYS_fchmod, fd, mode) != 0)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
}

/* What is there before. */
static void
arrange(void)
{
	tap_remove(at("/etc"));
	tap_remove(record);
	(void)mkdir(at("/etc"), 0755);
	put("/etc/gone", "to be removed\n", 0644);
	put("/etc/live", "old\nlive\n", 0640);
	put("/etc/other", "", 0604);
	(void)!symlinkat("elsewhere", AT_FDCWD, at("/etc/link"));
	put("/etc/made", "by a program\n", 0644);
}

static struct sts_changes set;

static void
add_all(void)
{
	memset(&set, 0, sizeof(set));
	set.root = top;
	set.record = record;
	snprintf(set.note, sizeof(set.note), "word");
	(void)sts_changes_link(&set, "/etc/fresh-link", "/usr/share/x");
	(void)sts_changes_link(&set, "/etc/link", "/usr/share/y");
	(void)sts_changes_write(&set, "/etc/fresh", "fresh\n", 6);
	(void)sts_changes_remove(&set, "/etc/gone");
	(void)sts_changes_remove(&set, "/etc/never");
	(void)sts_changes_write(&set, "/etc/other", "not empty\n", 10);
	(void)sts_changes_write(&set, "/etc/made", "anew\n", 5);
	sts_changes_derived(&set);
	(void)sts_changes_write(&set, "/etc/live", "new\nlive\n", 9);
}

static char found[8192];

static int
note(const char *path, const struct stat *st, int type, struct FTW *f)
{
	char bytes[256] = "";
	size_t len = strlen(found);

	(void)type;
	(void)f;
	if (S_ISLNK(st->st_mode)) {
		if (readlink(path, bytes, sizeof(bytes) - 1) < 0)
			return 1;
	} else if (S_ISREG(st->st_mode)) {
		int fd = open(path, O_RDONLY);

		if (read(fd, bytes, sizeof(bytes) - 1) < 0)
			return 1;
		close(fd);
	}
	snprintf(found + len, sizeof(found) - len, "%s %o %s\n",
	    path + sizeof(top) - 1, (unsigned)st->st_mode, bytes);
	return 0;
}

/* The whole tree as text; the caller frees it. */
static char *
picture(void)
{
	char *lines[64], *copy, *rest;
	size_t count = 0;

	found[0] = '\0';
	(void)nftw(at("/etc"), note, 8, FTW_PHYS);
	copy = rest = strdup(found);
	/* The order is the directory's: sorted by hand, lines are few. */
	while ((lines[count] = strsep(&rest, "\n")) != NULL && count < 63)
		count++;
	found[0] = '\0';
	for (size_t n = 0; n < count; n++) {
		size_t least = n;
		char *line;

		for (size_t i = n; i < count; i++) {
			if (strcmp(lines[i], lines[least]) < 0)
				least = i;
		}
		line = lines[least];
		lines[least] = lines[n];
		strcat(strcat(found, line), "\n");
	}
	free(copy);
	return strdup(found);
}

static enum sts_change_result
apply(void)
{
	enum sts_change_result result;

	add_all();
	result = sts_changes_begin(&set);
	if (result == STS_CHANGE_OK)
		result = sts_changes_apply(&set);
	sts_changes_free(&set);
	return result;
}

static enum sts_change_result
recover(void)
{
	enum sts_change_result result;

	memset(&set, 0, sizeof(set));
	set.root = top;
	set.record = record;
	result = sts_changes_begin(&set);
	if (result == STS_CHANGE_OK)
		result = sts_changes_recover(&set);
	sts_changes_free(&set);
	return result;
}

/* The set stays, for what is said of it. */
static enum sts_change_result
undo_kept(void)
{
	enum sts_change_result result;

	sts_changes_free(&set);

	memset(&set, 0, sizeof(set));
	set.root = top;
	set.record = record;
	result = sts_changes_begin(&set);
	if (result == STS_CHANGE_OK)
		result = sts_changes_load(&set);
	if (result == STS_CHANGE_OK)
		result = sts_changes_undo(&set);
	return result;
}

static enum sts_change_result
undo(void)
{
	enum sts_change_result result = undo_kept();

	sts_changes_free(&set);
	return result;
}

/* Runs it in a process that dies at that call; true if it did. */
static bool
killed(enum sts_change_result (*run)(void), long call)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		calls = 0;
		die_at = call;
		_exit((int)run());
	}
	(void)waitpid(pid, &status, 0);
	return WIFSIGNALED(status);
}

/* New only where all that it needs is new: the order in which it was added. */
static bool
is_in_order(void)
{
	struct stat st;
	char bytes[16] = "";
	int fd = open(at("/etc/live"), O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

	close(fd);
	if (n >= 3 && strncmp(bytes, "old", 3) == 0)
		return true;
	return n >= 3 && strncmp(bytes, "new", 3) == 0 &&
	    lstat(at("/etc/fresh-link"), &st) == 0 &&
	    stat(at("/etc/fresh"), &st) == 0 &&
	    stat(at("/etc/gone"), &st) != 0 &&
	    stat(at("/etc/other"), &st) == 0 && st.st_size > 0;
}

static char *before, *after;

static bool
looks(const char *wanted)
{
	char *now = picture();
	bool same = strcmp(now, wanted) == 0;

	if (!same)
		tap_diag("found:\n%swanted:\n%s", now, wanted);
	free(now);
	return same;
}

static void
test_whole(void)
{
	arrange();
	before = picture();
	is_int(recover(), STS_CHANGE_NONE, "nothing was interrupted");
	is_int(apply(), STS_CHANGE_OK, "all changes are made");
	after = picture();
	ok(strstr(after, "/etc/live 100640 new") != NULL,
	    "a file has its new bytes and its old mode");
	ok(strstr(after, "/etc/fresh 100644") != NULL, "a new file has 0644");
	ok(strstr(after, ".mta-sts-new") == NULL, "no temporary is left");
	is_int(apply(), STS_CHANGE_FAILED, "what is done is not done again");
	ok(looks(after), "and stays as it is");
	is_int(undo(), STS_CHANGE_OK, "all is taken back");
	ok(looks(before), "byte for byte, mode and kind");
	is_int(undo(), STS_CHANGE_NONE, "once");
}

/* A kill at each call of apply; then what the next run finds. */
static void
test_killed_apply(void)
{
	long n = 1;
	bool order = true, whole = true, again = true;

	for (;; n++) {
		arrange();
		if (!killed(apply, n))
			break;
		order = order && is_in_order();
		switch (recover()) {
		case STS_CHANGE_OK:
			whole = whole && looks(before);
			break;
		case STS_CHANGE_NONE:
			whole =
			    whole && (undo() == STS_CHANGE_OK || looks(before));
			break;
		default:
			whole = false;
		}
		again = again && looks(before) && apply() == STS_CHANGE_OK &&
		    looks(after);
	}
	tap_diag("%ld calls", n - 1);
	ok(n > 50, "killed at each call of a set of changes");
	ok(order, "the switch is never new without what it needs");
	ok(whole, "the next run finds all old, or all new");
	ok(again, "and can make them again");
}

static void
test_killed_undo(void)
{
	long n = 1;
	bool order = true, whole = true;

	for (;; n++) {
		enum sts_change_result result;

		arrange();
		(void)apply();
		if (!killed(undo, n))
			break;
		order = order && is_in_order();
		result = recover();
		if (result == STS_CHANGE_NONE)
			result = undo();
		whole = whole && result != STS_CHANGE_FAILED && looks(before);
	}
	ok(n > 20, "killed at each call of taking back: %ld", n - 1);
	ok(order, "the switch is taken back first");
	ok(whole, "the next run ends it");
}

/* Twice in a row. */
static void
test_killed_recover(void)
{
	bool whole = true;
	long runs = 0;

	for (long first = 1;; first += 3) {
		arrange();
		if (!killed(apply, first))
			break;
		for (long n = 1; killed(recover, n); n++)
			runs++;
		/* Where it had come to its end, all is new. */
		if (recover() == STS_CHANGE_NONE)
			(void)undo();
		whole = whole && looks(before);
	}
	ok(runs > 50, "killed again while it is taken back: %ld times", runs);
	ok(whole, "all is as before in the end");
}

static void
test_full(void)
{
	long n = 1;
	bool unchanged = true, said = true;

	for (;; n++) {
		enum sts_change_result result;

		arrange();
		calls = 0;
		full_at = n;
		result = apply();
		full_at = 0;
		if (result == STS_CHANGE_OK)
			break;
		said = said && result == STS_CHANGE_FAILED &&
		    set.error == ENOSPC && set.where[0] != '\0';
		if (recover() == STS_CHANGE_FAILED)
			break;
		unchanged = unchanged && looks(before);
	}
	ok(n > 50, "a disk that is full from each call on: %ld", n - 1);
	ok(said, "is said, with the file");
	ok(unchanged, "and all is as before");
}

/* The fix has that text, in which each %s is the record. */
static void
is_fix(const char *wanted, const char *name)
{
	static char fix[16384], text[4096];
	size_t used = 0;

	for (; *wanted != '\0'; wanted++) {
		if (strncmp(wanted, "%s", 2) == 0) {
			used += (size_t)snprintf(
			    text + used, sizeof(text) - used, "%s", record);
			wanted++;
		} else {
			text[used++] = *wanted;
		}
	}
	text[used] = '\0';
	sts_change_edited_fix(&set, "exim", NULL, fix, sizeof(fix));
	if (!ok(strstr(fix, text) != NULL, "%s", name))
		tap_diag("%s", fix);
}

static void
test_edited(void)
{
	char *mine;

	arrange();
	(void)apply();
	put("/etc/fresh", "fresh\nand mine\n", 0644);
	mine = picture();
	is_int(undo_kept(), STS_CHANGE_EDITED,
	    "what the operator changed is said");
	is_str(set.where, "/etc/fresh", "by its name");
	ok(strstr(set.written, "/2.new") != NULL,
	    "with the file to compare it with: %s", set.written);
	ok(looks(mine), "and nothing is taken back");
	is_fix("mv /etc/fresh %s/edit.kept\n      cp %s/2.new /etc/fresh\n",
	    "a new file is put aside, and the one of before made again");
	put("/etc/fresh", "fresh\n", 0644);
	(void)unlink(at("/etc/link"));
	put("/etc/link", "mine\n", 0644);
	is_int(undo_kept(), STS_CHANGE_EDITED, "a file for a link is noticed");
	is_fix("mv /etc/link %s/edit.kept\n"
	       "      ln -s /usr/share/y /etc/link\n",
	    "it is put aside, and the link made again");
	(void)unlink(at("/etc/link"));
	(void)!symlinkat("/usr/share/y", AT_FDCWD, at("/etc/link"));
	put("/etc/live", "new\nlive\nmine\n", 0640);
	is_int(undo_kept(), STS_CHANGE_EDITED, "so is an edit");
	is_fix("patch /etc/live %s/edit.diff\n", "which is made again");
	put("/etc/live", "new\nlive\n", 0640);
	put("/etc/made", "by a program, again\n", 0644);
	is_int(undo(), STS_CHANGE_OK, "as it was made, it is taken back");
	ok(set.stale, "what a program has made since is said");
	free(mine);
}

static void
test_refused(void)
{
	struct sts_changes c = {.root = top, .record = record}, other = c;

	arrange();
	(void)mkdir(at("/etc/dir"), 0755);
	(void)mkdir(at("/etc/open"), 0755);
	(void)chmod(at("/etc/open"), 0777);
	is_int(sts_changes_write(&c, "/etc/dir", "x", 1), STS_CHANGE_FAILED,
	    "a directory is not changed");
	is_int(sts_changes_write(&c, "/etc/none/x", "x", 1), STS_CHANGE_OK,
	    "a directory that is missing is noticed later");
	is_int(sts_changes_write(&c, "/etc/open/x", "x", 1), STS_CHANGE_FAILED,
	    "nothing is written where others may");
	is_int(c.error, EPERM, "which is said");
	is_int(sts_changes_begin(&c), STS_CHANGE_OK, "one run");
	is_int(sts_changes_begin(&other), STS_CHANGE_BUSY, "and no other");
	is_int(sts_changes_apply(&c), STS_CHANGE_FAILED, "nothing is made");
	is_int(c.error, ENOENT, "without its directory");
	sts_changes_free(&other);
	sts_changes_free(&c);
	(void)chmod(record, 0755);
	is_int(sts_changes_begin(&c), STS_CHANGE_FAILED,
	    "a record that others may read is refused");
	sts_changes_free(&c);
	(void)chmod(record, 0700);
	(void)chmod(at("/var"), 0777);
	is_int(sts_changes_begin(&c), STS_CHANGE_FAILED,
	    "and one that others may replace");
	is_int(c.error, EPERM, "which is said as well");
	sts_changes_free(&c);
	(void)chmod(at("/var"), 0755);
	for (int i = 0; i < STS_CHANGE_MAX; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/etc/n%d", i);
		(void)sts_changes_write(&c, path, "x", 1);
	}
	is_int(sts_changes_write(&c, "/etc/more", "x", 1), STS_CHANGE_FAILED,
	    "there is an end to a set");
	sts_changes_free(&c);
}

static void
is_difference(
    const char *old, const char *next, const char *wanted, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	sts_change_print_difference(out, old, strlen(old), next, strlen(next));
	(void)fclose(out);
	is_str(text, wanted, "%s", name);
	free(text);
}

static void
test_difference(void)
{
	is_difference("a\n", "a\n", "", "nothing differs");
	is_difference("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nx\ne\nf\n",
	    "@@ line 5 @@\n b\n c\n d\n+x\n e\n f\n", "a line was added");
	is_difference("a\nb\n", "a\nc\n", "@@ line 2 @@\n a\n-b\n+c\n",
	    "a line was changed");
	is_difference("a", "", "@@ line 1 @@\n-a\n", "all was removed");
	is_difference("", "a\033\tb\n", "@@ line 1 @@\n+a\\x1b\tb\n",
	    "what a terminal would obey is escaped");
	is_difference("a\n\nb\n\nc\n", "a\n\nx\n\ny\n\nb\n\nc\n",
	    "@@ line 3 @@\n a\n \n+x\n+\n+y\n+\n b\n \n c\n",
	    "empty lines do not count as the same place");
	is_difference("1\n2\n3\n4\n5\n6\n7\n8\n9\n",
	    "x\n1\n2\n3\n4\n5\n6\n7\n8\n9\ny\n",
	    "@@ line 1 @@\n+x\n 1\n 2\n 3\n@@ line 10 @@\n 7\n 8\n 9\n+y\n",
	    "two places");
}

int
main(void)
{
	if (mkdtemp(top) == NULL)
		return 1;
	snprintf(record, sizeof(record), "%s/var/record", top);
	test_whole();
	test_killed_apply();
	test_killed_undo();
	test_killed_recover();
	test_full();
	test_edited();
	test_refused();
	test_difference();
	free(before);
	free(after);
	tap_remove(top);
	return tap_done();
}
