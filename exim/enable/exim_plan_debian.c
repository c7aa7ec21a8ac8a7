/* SPDX-License-Identifier: ISC */
/*
 * Debian's configuration, which update-exim4.conf makes from conf.d, or from a
 * template that is made from conf.d.
 *
 * Any program may run update-exim4.conf between two steps: at boot, or with an
 * upgrade.  So the fragments are linked in an order in which each one is
 * harmless without the next: settings, transports that no router uses, retry
 * rules for them, and last the routers.  Behind them is the file that Exim
 * reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/readfile.h"
#include "exim/check/exim.h"
#include "exim/enable/exim_command.h"
#include "exim/enable/exim_work.h"

#define FRAGMENTS STS_EXAMPLE_DIR "/exim/debian"
#define TEMPLATE  STS_DEBIAN_ETC "/exim4.conf.template"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static const char *const names[] = {"main/04_mta-sts", "transport/31_mta-sts",
    "retry/20_mta-sts", "router/190_mta-sts"};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

/* The copy of /etc/exim4. */
static const char *
copy_of(const struct sts_work *w, const char *name, char *buf)
{
	(void)snprintf(
	    buf, STS_WORK_PATH_BYTES, "%s/etc%s", w->trial_dir, name);
	return buf;
}

static enum sts_enable_result
link_fragments(const struct sts_work *w)
{
	char target[STS_WORK_PATH_BYTES], path[STS_WORK_PATH_BYTES];
	char name[128];

	for (size_t i = 0; i < NAME_COUNT; i++) {
		(void)snprintf(
		    target, sizeof(target), FRAGMENTS "/%s", names[i]);
		(void)snprintf(name, sizeof(name), "/conf.d/%s", names[i]);
		if (access(target, R_OK) != 0)
			return sts_work_refuse(w, "make install-exim-texts",
			    "%s is missing: this suite is not installed whole",
			    target);
		(void)copy_of(w, name, path);
		if ((unlink(path) != 0 && errno != ENOENT) ||
		    symlink(target, path) != 0)
			return sts_work_fail(
			    w, "%s: %s", path, strerror(errno));
	}
	return STS_ENABLE_DONE;
}

/*
 * Reads a file that was made from the copy, as it is when it is made from
 * /etc/exim4: its comments name the files that it came from.
 */
static char *
read_made(const struct sts_work *w, const char *path, size_t *len)
{
	char from[STS_WORK_PATH_BYTES], *bytes, *made;
	size_t raw;

	if (sts_readfile(path, true, TEXT_MAX, &bytes, &raw) != STS_OK) {
		(void)sts_work_fail(w, "%s: %s", path, strerror(errno));
		return NULL;
	}
	made =
	    sts_replace_all(bytes, copy_of(w, "", from), STS_DEBIAN_ETC, len);
	free(bytes);
	if (made == NULL)
		(void)sts_work_fail(w, "%s", strerror(ENOMEM));
	return made;
}

/* The template that conf.d of the copy makes; NULL after a message. */
static char *
make_template(const struct sts_work *w, size_t *len)
{
	char path[STS_WORK_PATH_BYTES], confdir[STS_WORK_PATH_BYTES + 16];
	char *said;

	(void)snprintf(
	    confdir, sizeof(confdir), "CONFDIR=%s", copy_of(w, "", path));
	if (!STS_COMMAND(&said, "/usr/bin/env", confdir,
		"/usr/sbin/update-exim4.conf.template", "--run",
		"--nobackup")) {
		(void)sts_work_fail(w, "update-exim4.conf.template fails: %s",
		    said != NULL ? said : "");
		free(said);
		return NULL;
	}
	free(said);
	return read_made(w, copy_of(w, "/exim4.conf.template", path), len);
}

/* A template with changes of its own is not made anew: they would be lost. */
static enum sts_enable_result
check_template(const struct sts_work *w)
{
	char path[STS_WORK_PATH_BYTES], *has = NULL, *made;
	size_t has_len = 0, len = 0;
	bool same;

	(void)copy_of(w, "/exim4.conf.template", path);
	if (sts_readfile(path, true, TEXT_MAX, &has, &has_len) != STS_OK)
		return sts_work_refuse(w, "update-exim4.conf.template -r",
		    TEMPLATE ": %s", strerror(errno));
	made = make_template(w, &len);
	same = made != NULL && len == has_len && memcmp(made, has, len) == 0;
	free(has);
	if (made == NULL)
		return STS_ENABLE_OUTSIDE;
	free(made);
	if (same)
		return STS_ENABLE_DONE;
	return sts_work_refuse(w,
	    "move your changes into a file below " STS_DEBIAN_ETC
	    "/conf.d, run update-exim4.conf.template -r, and this again",
	    TEMPLATE " is not what conf.d makes: it has changes of its own, "
		     "which would be lost");
}

/* The links, in the order that is said above. */
static enum sts_enable_result
plan_links(struct sts_work *w)
{
	char target[STS_WORK_PATH_BYTES], path[STS_WORK_PATH_BYTES];
	enum sts_change_result result = STS_CHANGE_OK;

	for (size_t i = 0; result == STS_CHANGE_OK && i < NAME_COUNT; i++) {
		(void)snprintf(
		    target, sizeof(target), FRAGMENTS "/%s", names[i]);
		(void)snprintf(
		    path, sizeof(path), STS_DEBIAN_ETC "/conf.d/%s", names[i]);
		result = sts_changes_link(&w->changes, path, target);
	}
	return sts_work_changes(w, result);
}

static enum sts_enable_result
plan_template(struct sts_work *w)
{
	size_t len;
	char *made = make_template(w, &len);
	enum sts_enable_result result;

	if (made == NULL)
		return STS_ENABLE_OUTSIDE;
	result = sts_work_changes(
	    w, sts_changes_write(&w->changes, TEMPLATE, made, len));
	free(made);
	return result;
}

/* The file that Exim reads: last of all. */
static enum sts_enable_result
plan_made(struct sts_work *w)
{
	char path[STS_WORK_PATH_BYTES], *said, *made;
	enum sts_enable_result result;
	size_t len, before = w->changes.count;

	(void)snprintf(
	    w->trial, sizeof(w->trial), "%s/exim.conf", w->trial_dir);
	if (!STS_COMMAND(&said, "/usr/sbin/update-exim4.conf", "--confdir",
		copy_of(w, "", path), "--output", w->trial)) {
		result = sts_work_refuse(w,
		    "see what this says: update-exim4.conf",
		    "update-exim4.conf fails: %s", said != NULL ? said : "");
		free(said);
		return result;
	}
	free(said);
	made = read_made(w, w->trial, &len);
	if (made == NULL)
		return STS_ENABLE_OUTSIDE;
	result = sts_work_changes(
	    w, sts_changes_write(&w->changes, STS_DEBIAN_MADE, made, len));
	if (w->changes.count > before)
		sts_changes_derived(&w->changes);
	free(made);
	return result;
}

enum sts_enable_result
sts_work_plan_debian(struct sts_work *w)
{
	char path[STS_WORK_PATH_BYTES], *said = NULL;
	enum sts_enable_result result = STS_ENABLE_DONE;

	if (!STS_COMMAND(
		&said, "/bin/cp", "-a", STS_DEBIAN_ETC, copy_of(w, "", path)))
		result = sts_work_fail(w, "a copy of " STS_DEBIAN_ETC ": %s",
		    said != NULL ? said : "");
	free(said);
	if (result == STS_ENABLE_DONE && !w->split)
		result = check_template(w);
	if (result == STS_ENABLE_DONE)
		result = link_fragments(w);
	if (result == STS_ENABLE_DONE)
		result = plan_links(w);
	if (result == STS_ENABLE_DONE && !w->split)
		result = plan_template(w);
	return result == STS_ENABLE_DONE ? plan_made(w) : result;
}
