/* SPDX-License-Identifier: ISC */
/*
 * The state directory as `mta-sts setup` makes and fixes it.  As root the tree
 * goes to the user "nobody", else to ourselves: all but the change of owner is
 * tried either way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tool/access.h"
#include "tool/tool.h"

enum { NOBODY = 65534 };

static char top[] = "/tmp/mta-sts-setup.XXXXXX";
static uid_t uid;
static gid_t gid;

struct result {
	bool fine;
	unsigned changes;
	char *out, *err;
};

static struct result
set_up(const char *dir)
{
	struct result result;
	size_t out_len, err_len;
	struct sts_tool tool = {0};
	struct sts_setup s = {.tool = &tool, .uid = uid, .gid = gid};

	tool.out = open_memstream(&result.out, &out_len);
	tool.err = open_memstream(&result.err, &err_len);
	result.fine = sts_setup_tree(&s, dir);
	result.changes = s.changes;
	fclose(tool.out);
	fclose(tool.err);
	return result;
}

static void
result_free(struct result *result)
{
	free(result->out);
	free(result->err);
}

static const char *
at(const char *name)
{
	static char path[2][256];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", top, name);
	return path[turn];
}

static bool
is_like(const char *name, mode_t mode)
{
	struct stat st;

	return lstat(at(name), &st) == 0 && st.st_mode == mode &&
	    st.st_uid == uid && st.st_gid == gid;
}

static void
places(void)
{
	static const char *const bad[] = {"", "/", "//", "relative", "/var/lib",
	    "/var/lib/", "/etc", "/tmp", "/var/lib/../lib", "/var/./lib/x",
	    "/var//lib/x", "/var/lib/..", "/var/spool/exim4"};
	static const char *const good[] = {"/var/lib/mta-sts-sender",
	    "/var/lib/mta-sts-sender/", "/srv/mail/.state", "/a/..b", "/tmp/x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(sts_setup_path_is_surprising(bad[i]),
		    "'%s' is no place for a state directory", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(!sts_setup_path_is_surprising(good[i]), "'%s' may be one",
		    good[i]);
}

static void
made_from_nothing(void)
{
	struct result r;
	mode_t before = umask(077);

	r = set_up(at("deep/er/state"));
	ok(r.fine, "a missing directory is made");
	is_str(r.err, "", "without a complaint");
	ok(strstr(r.out, "made ") != NULL &&
		strstr(r.out, "/deep/er/state/checks\n") != NULL,
	    "what it did is printed");
	ok(is_like("deep/er/state", S_IFDIR | 0750) &&
		is_like("deep/er/state/policies", S_IFDIR | 0750) &&
		is_like("deep/er/state/checks", S_IFDIR | 0750) &&
		is_like("deep/er/state/routes", S_IFDIR | 0750),
	    "0750 under a umask of 077, rooms too");
	result_free(&r);
	r = set_up(at("deep/er/state/"));
	ok(r.fine && r.changes == 0, "a second time nothing is to do");
	result_free(&r);
	umask(before);
}

static void
fixed(void)
{
	struct result r;

	mkdir(at("deep/er/state/policies/0a"), 0700);
	write_file(at("deep/er/state/policies/0a/example.com"), "x", 1);
	chmod(at("deep/er/state/policies/0a"), 0777);
	chmod(at("deep/er/state/policies/0a/example.com"), 0666);
	chmod(at("deep/er/state"), 0777);
	r = set_up(at("deep/er/state"));
	ok(r.fine, "wrong modes are fixed");
	ok(is_like("deep/er/state", S_IFDIR | 0750) &&
		is_like("deep/er/state/policies/0a", S_IFDIR | 0750) &&
		is_like(
		    "deep/er/state/policies/0a/example.com", S_IFREG | 0640),
	    "directories 0750, files 0640");
	ok(strstr(r.out, "mode fixed: ") != NULL, "and told");
	result_free(&r);
}

/* What somebody who owns the directory may have put there. */
static void
traps(void)
{
	struct stat st;
	struct result r;

	write_file(at("outside"), "x", 1);
	chmod(at("outside"), 0600);
	if (symlink(at("outside"), at("deep/er/state/policies/0a/link")) != 0 ||
	    link(at("outside"), at("deep/er/state/policies/0a/hard")) != 0 ||
	    mkfifo(at("deep/er/state/fifo"), 0600) != 0)
		tap_diag("traps: %s", strerror(errno));
	r = set_up(at("deep/er/state"));
	ok(!r.fine, "links and pipes are complained of");
	ok(strstr(r.err, "/0a/link: not a file or directory") != NULL,
	    "a symbolic link");
	ok(strstr(r.err, "/0a/hard: has another link") != NULL,
	    "a second link to a file");
	ok(strstr(r.err, "/state/fifo: not a file") != NULL, "a FIFO");
	stat(at("outside"), &st);
	is_int(st.st_mode & 07777, 0600, "the file outside keeps its mode");
	is_int(st.st_uid, geteuid(), "and its owner");
	result_free(&r);
	unlink(at("deep/er/state/policies/0a/link"));
	unlink(at("deep/er/state/policies/0a/hard"));
	unlink(at("deep/er/state/fifo"));
}

static void
refused(void)
{
	struct result r;

	if (symlink(at("deep/er/state"), at("alias")) != 0)
		tap_diag("symlink: %s", strerror(errno));
	r = set_up(at("alias"));
	ok(!r.fine && strstr(r.err, "symbolic link") != NULL,
	    "a state directory that is a symbolic link");
	result_free(&r);
	r = set_up(at("alias/"));
	ok(!r.fine && strstr(r.err, "symbolic link") != NULL,
	    "with a slash behind it too");
	result_free(&r);
	mkdir(at("other"), 0700);
	write_file(at("other/precious"), "x", 1);
	r = set_up(at("other"));
	ok(!r.fine && strstr(r.err, "is not a state directory") != NULL,
	    "a directory with other contents");
	ok(access(at("other/policies"), F_OK) != 0, "nothing is made there");
	result_free(&r);
	r = set_up(at("outside"));
	ok(!r.fine, "a file");
	result_free(&r);
}

/* Places where another user, or the user himself, could swap it. */
static void
unsafe_places(void)
{
	struct result r;

	if (geteuid() != 0) {
		tap_skip("directories of other users", "needs root");
		return;
	}
	mkdir(at("mail"), 0755);
	(void)!chown(at("mail"), uid, gid);
	r = set_up(at("mail/state"));
	ok(!r.fine && strstr(r.err, "/mail belongs to user 65534") != NULL,
	    "below a directory of the user's own: refused");
	ok(access(at("mail/state"), F_OK) != 0, "and nothing is made there");
	result_free(&r);
	mkdir(at("mail/root"), 0755);
	r = set_up(at("mail/root/deep/state"));
	ok(!r.fine && access(at("mail/root/deep"), F_OK) != 0,
	    "nor further down, in one that is root's");
	result_free(&r);
	mkdir(at("shared"), 0755);
	chmod(at("shared"), 0775);
	r = set_up(at("shared/state"));
	ok(!r.fine && strstr(r.err, "can be written by other users") != NULL,
	    "below one that a group can write");
	result_free(&r);
	mkdir(at("closed"), 0700);
	r = set_up(at("closed/state"));
	ok(!r.fine && strstr(r.err, "cannot enter ") != NULL &&
		strstr(r.err, "/closed\n") != NULL,
	    "below one that its user cannot enter: refused, and named");
	ok(access(at("closed/state"), F_OK) != 0, "nothing is made there");
	result_free(&r);
	is_int(geteuid(), 0, "root afterwards");
	if (symlink(at("deep"), at("away")) != 0)
		tap_diag("symlink: %s", strerror(errno));
	r = set_up(at("away/er/state"));
	ok(r.fine, "through a link of root's above it");
	result_free(&r);
}

static void
command_line(void)
{
	struct ran ran = run_tool("setup", NULL);

	is_int(ran.code, 2, "without --user: wrong usage");
	ran_free(&ran);
	ran = run_tool("setup", "--user", "root", NULL);
	is_int(ran.code, 2, "root is refused");
	ok(strstr(ran.err, "never runs as root") != NULL, "with the reason");
	ran_free(&ran);
	ran = run_tool("setup", "--user", "no-such-user-here", NULL);
	is_int(ran.code, 3, "an unknown user");
	ran_free(&ran);
	ran = run_tool(
	    "setup", "--user", "nobody", "--group", "no-such-group", NULL);
	is_int(ran.code, 3, "an unknown group");
	ran_free(&ran);
}

int
main(void)
{
	char command[64];

	uid = geteuid() == 0 ? NOBODY : geteuid();
	gid = geteuid() == 0 ? NOBODY : getegid();
	if (geteuid() != 0)
		tap_skip("the change of owner", "needs root");
	if (mkdtemp(top) == NULL)
		return 1;
	chmod(top, 0755);
	places();
	made_from_nothing();
	fixed();
	traps();
	refused();
	unsafe_places();
	command_line();
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s is left", top);
	return tap_done();
}
