/* SPDX-License-Identifier: ISC */
/*
 * Who could change a file that root reads or runs: owners, modes, directories
 * and links, each step of the way.  As another user than root what needs an
 * owner of its own is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/safe_path.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"

enum { MAIL = 65534, OTHER = 65533 };

static char top[] = "/tmp/test_safe_path.XXXXXX";

static const char *
at(const char *name)
{
	static char path[2][256];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}

static void
set(const char *name, uid_t owner, mode_t mode)
{
	if (geteuid() == 0 && lchown(at(name), owner, owner) != 0)
		tap_diag("chown %s", name);
	if (chmod(at(name), mode) != 0)
		tap_diag("chmod %s", name);
}

static bool
safe(const char *name)
{
	return sts_path_is_safe(at(name), NULL);
}

/* The same as seen by another user. */
static bool
safe_for(uid_t user, const char *name)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setuid(user) == 0 && safe(name) ? 0 : 1);
	(void)waitpid(pid, &status, 0);
	return status == 0;
}

static void
test_texts(void)
{
	char buf[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe;

	set("d/file", geteuid(), 0666);
	ok(!sts_path_is_safe(at("d/file"), &unsafe), "a mode of 0666");
	is_str(unsafe.path, at("d/file"), "is found at the file");
	ok(strstr(sts_unsafe_text(&unsafe, buf),
	       "/d/file can be written by other users") != NULL,
	    "and said");
	ok(strncmp(sts_unsafe_fix(&unsafe, buf), "chmod go-w '/tmp/", 17) == 0,
	    "with the command that fixes it");
	ok(system(buf) == 0 && safe("d/file"), "which does");
}

static void
test_plain(void)
{
	ok(safe("d/file"), "a file of ours in a directory of ours");
	ok(safe("d/missing") && safe("none/missing"),
	    "what is not there is no danger");
	ok(sts_path_is_safe("/bin/sh", NULL), "the system's shell");
	set("d", geteuid(), 0777);
	ok(!safe("d/file"), "a directory that others can write");
	set("d", geteuid(), 0755);
	ok(chdir(at("d")) == 0 && sts_path_is_safe("file", NULL) &&
		sts_path_is_safe("./../d//file", NULL),
	    "relative to the working directory");
	set("d/file", geteuid(), 0606);
	ok(!sts_path_is_safe("file", NULL), "where the same counts");
	ok(chdir("/") == 0, "back");
	set("d/file", geteuid(), 0644);
}

static void
test_links(void)
{
	char loop[300];

	if (symlink("d/file", at("link")) != 0 ||
	    symlink(at("d"), at("dirlink")) != 0 ||
	    symlink("loop", at("loop")) != 0)
		tap_diag("symlink");
	ok(safe("link") && safe("dirlink/file"), "links to it");
	set("d/file", geteuid(), 0622);
	ok(!safe("link") && !safe("dirlink/file") && !safe("dirlink/../d/file"),
	    "what they lead to counts");
	set("d/file", geteuid(), 0644);
	ok(!safe("loop"), "a link to itself is refused, and ends");
	memset(loop, 'x', sizeof(loop) - 1);
	loop[sizeof(loop) - 1] = '\0';
	ok(sts_path_is_safe(loop, NULL), "a name too long leads to nothing");
}

static void
test_sticky(void)
{
	char buf[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe = {.sticky = true};

	set("d", geteuid(), 01777);
	ok(geteuid() != 0 || !sts_path_is_safe(at("d/file"), &unsafe),
	    "a sticky directory");
	is_str(sts_unsafe_fix(&unsafe, buf),
	    "another directory for it, that only root can write",
	    "nobody is told to change the mode of /tmp");
	is_int(safe("d/file"), geteuid() != 0,
	    "directly in a sticky directory: refused to root alone");
	if (mkdir(at("d/sub"), 0755) != 0)
		tap_diag("mkdir");
	write_file(at("d/sub/file"), "x", 1);
	ok(safe("d/sub/file"), "in a directory of ours below a sticky one");
	set("d", geteuid(), 0755);
	/* Where the directory above is one in which anybody may write. */
	ok(chdir("/tmp") == 0 && sts_path_is_safe("", NULL),
	    "an empty name is no file, and not the working directory");
}

static void
test_group(void)
{
	set("d/file", geteuid(), 0664);
	is_int(safe("d/file"), geteuid() != 0,
	    "a group may write what is the user's own, not what is root's");
	set("d/file", geteuid(), 0644);
}

static void
test_foreign_owner(void)
{
	char buf[STS_UNSAFE_TEXT_BYTES];
	struct sts_unsafe unsafe;

	set("d/file", MAIL, 0644);
	ok(!sts_path_is_safe(at("d/file"), &unsafe), "root: a user's file");
	ok(strstr(sts_unsafe_text(&unsafe, buf), " belongs to user 65534") !=
		NULL,
	    "is said so");
	ok(strncmp(sts_unsafe_fix(&unsafe, buf), "chown root '", 12) == 0 &&
		system(buf) == 0 && safe("d/file"),
	    "and fixed");
	set("d/file", MAIL, 0644);
	ok(safe_for(MAIL, "d/file"), "that user may use what is his own");
	ok(!safe_for(OTHER, "d/file"), "another user may not");
	set("d/file", 0, 0644);
	ok(safe_for(MAIL, "d/file"), "and what is root's");
	set("d/file", 0, 0664);
	ok(!safe_for(MAIL, "d/file"), "unless a group can write it");
	set("d/file", 0, 0644);
}

static void
test_foreign_directories(void)
{
	set("d", MAIL, 0755);
	ok(!safe("d/file"), "root's file in a user's directory");
	ok(!safe("d/sub/file"), "and in root's directory below it");
	ok(safe_for(MAIL, "d/sub/file") && !safe_for(OTHER, "d/sub/file"),
	    "that user alone may use it");
	set("d", 0, 0775);
	ok(!safe("d/sub/file") && !safe_for(MAIL, "d/sub/file"),
	    "a directory above it that a group can write");
	set("d", 0, 0755);
	set("link", MAIL, 0644);
	ok(!safe("link"), "a user's link to root's file");
	set("link", 0, 0644);
	ok(safe("link"), "root's link");
}

int
main(void)
{
	char command[80];

	umask(022);
	if (mkdtemp(top) == NULL || chmod(top, 0755) != 0 ||
	    mkdir(at("d"), 0755) != 0)
		return 1;
	write_file(at("d/file"), "x", 1);
	test_texts();
	test_plain();
	test_links();
	test_sticky();
	test_group();
	if (geteuid() == 0) {
		test_foreign_owner();
		test_foreign_directories();
	} else {
		tap_skip("files of other users", "not run by root");
	}
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s is left", top);
	return tap_done();
}
