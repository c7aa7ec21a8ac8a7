/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_steps.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/readfile.h"
#include "opensmtpd/check/smtpd.h"
#include "opensmtpd/enable/smtpd_loaded.h"

void
sts_smtpd_say(const struct sts_smtpd_steps *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->out, w->e->dry_run ? "would: " : "", format, args);
	va_end(args);
}

enum sts_switched
sts_smtpd_stop(
    const struct sts_smtpd_steps *w, const char *fix, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->err, "mta-sts: ", format, args);
	va_end(args);
	if (fix != NULL && fix[0] != '\0')
		(void)fprintf(w->e->err, "  fix: %s\n", fix);
	return STS_SWITCHED_NOT;
}

enum sts_switched
sts_smtpd_fail(const struct sts_smtpd_steps *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sts_change_say(w->e->err, "mta-sts: ", format, args);
	va_end(args);
	return STS_SWITCHED_OUTSIDE;
}

enum sts_switched
sts_smtpd_edited(const struct sts_smtpd_steps *w, const char *again)
{
	char fix[16384];

	sts_change_edited_fix(
	    &w->changes, "opensmtpd", again, fix, sizeof(fix));
	return sts_smtpd_stop(w, fix,
	    "%s was changed after \"mta-sts enable opensmtpd\" wrote it; it "
	    "is left as it is",
	    w->changes.where);
}

enum sts_switched
sts_smtpd_changed(
    const struct sts_smtpd_steps *w, enum sts_change_result result)
{
	const struct sts_changes *c = &w->changes;

	if (result == STS_CHANGE_OK || result == STS_CHANGE_NONE)
		return STS_SWITCHED;
	if (result == STS_CHANGE_BUSY)
		return sts_smtpd_fail(
		    w, "%s: another run is at work", c->record);
	if (result == STS_CHANGE_EDITED)
		return sts_smtpd_edited(w, NULL);
	if (c->error == EPERM)
		return sts_smtpd_fail(w,
		    "%s: refused, since another user could change it or its "
		    "directory",
		    c->where);
	return sts_smtpd_fail(w, "%s: %s", c->where, strerror(c->error));
}

enum sts_switched
sts_smtpd_new_changes(struct sts_smtpd_steps *w)
{
	sts_changes_free(&w->changes);
	memset(&w->changes, 0, sizeof(w->changes));
	w->changes.record = w->e->record;
	return sts_smtpd_changed(w, sts_changes_begin(&w->changes));
}

enum sts_switched
sts_smtpd_load(struct sts_smtpd_steps *w)
{
	const char *file = w->e->file;

	if (file == NULL)
		file = access("/etc/smtpd.conf", F_OK) != 0 &&
			access("/etc/mail/smtpd.conf", F_OK) == 0
		    ? "/etc/mail/smtpd.conf"
		    : "/etc/smtpd.conf";
	if (realpath(file, w->path) == NULL) {
		w->path[0] = '\0';
		return sts_smtpd_fail(w, "%s: %s", file, strerror(errno));
	}
	return sts_smtpd_reload(w);
}

enum sts_switched
sts_smtpd_reload(struct sts_smtpd_steps *w)
{
	free(w->bytes);
	if (sts_readfile(w->path, false, STS_SMTPD_FILE_MAX, &w->bytes,
		&w->len) != STS_OK)
		return sts_smtpd_fail(w, "%s: %s", w->path, strerror(errno));
	if (strlen(w->bytes) != w->len)
		return sts_smtpd_stop(w, NULL, "%s: a byte 0 in it", w->path);
	return STS_SWITCHED;
}

enum sts_switched
sts_smtpd_parse(const struct sts_smtpd_steps *w, const char *path)
{
	char *said = NULL;
	enum sts_switched result = STS_SWITCHED;

	if (!STS_COMMAND(&said, w->e->smtpd, "-n", "-f", path))
		result = sts_smtpd_stop(w, NULL, "smtpd does not take %s:\n%s",
		    path, said != NULL ? said : "");
	free(said);
	return result;
}

/* smtpd exits where it cannot start its filter, and `smtpd -n` does not look.
 */
static enum sts_switched
look_for_filter(const struct sts_smtpd_steps *w)
{
	static const char *const dirs[] = {"/usr/libexec/opensmtpd",
	    "/usr/lib/opensmtpd", "/usr/local/libexec/smtpd",
	    "/usr/libexec/smtpd", "/usr/local/libexec/opensmtpd"};
	char path[128];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/table-mta-sts", dirs[i]);
		if (access(path, X_OK) != 0)
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/filter-mta-sts", dirs[i]);
		if (access(path, X_OK) != 0)
			return sts_smtpd_stop(
			    w, "install it", "%s: %s", path, strerror(errno));
	}
	return STS_SWITCHED;
}

enum sts_switched
sts_smtpd_check_path(
    const struct sts_smtpd_steps *w, const char *path, bool trial)
{
	struct sts_findings findings = {.out = w->e->out};
	struct sts_smtpd smtpd = {.config = w->e->config,
	    .config_file = w->e->config_file,
	    .now = w->e->now,
	    .trial = trial};

	if (sts_smtpd_check_file(&findings, &smtpd, path) != STS_OK)
		return sts_smtpd_fail(w, "%s cannot be checked", path);
	if (findings.count[STS_FIND_ERROR] == 0)
		return STS_SWITCHED;
	return sts_smtpd_stop(w, NULL, "%s has the errors above", path);
}

/* With owner and mode of smtpd.conf, which smtpd checks. */
static bool
write_trial(struct sts_smtpd_steps *w)
{
	struct stat st;
	FILE *out;
	bool fine;

	(void)snprintf(w->trial, sizeof(w->trial), "%s.mta-sts-trial", w->path);
	/* Of a run that was killed. */
	(void)unlink(w->trial);
	if (stat(w->path, &st) != 0 || (out = fopen(w->trial, "wxe")) == NULL) {
		w->trial[0] = '\0';
		return false;
	}
	fine = fchown(fileno(out), st.st_uid, st.st_gid) == 0 &&
	    fchmod(fileno(out), st.st_mode & 0777) == 0 &&
	    fwrite(w->place.text, 1, w->place.len, out) == w->place.len;
	return fclose(out) == 0 && fine;
}

enum sts_switched
sts_smtpd_try(struct sts_smtpd_steps *w)
{
	enum sts_switched result;

	if (!write_trial(w))
		return sts_smtpd_fail(
		    w, "a trial beside %s: %s", w->path, strerror(errno));
	result = sts_smtpd_parse(w, w->trial);
	if (result == STS_SWITCHED)
		result = look_for_filter(w);
	if (result == STS_SWITCHED)
		result = sts_smtpd_check_path(w, w->trial, true);
	return result;
}

static const char *
find_user(const struct sts_smtpd_switch *e)
{
	static const char *const users[] = {"opensmtpd", "_smtpd", "smtpd"};

	if (e->user != NULL)
		return e->user;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (getpwnam(users[i]) != NULL)
			return users[i];
	}
	return NULL;
}

enum sts_switched
sts_smtpd_set_up(const struct sts_smtpd_steps *w)
{
	const char *user = find_user(w->e), *dir = w->e->config->state_dir;
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;
	struct stat st;
	bool exists = stat(dir, &st) == 0;

	if (pw == NULL)
		return sts_smtpd_fail(w,
		    "there is no user opensmtpd, _smtpd or smtpd, as whom "
		    "smtpd runs its filters: is OpenSMTPD installed?");
	if (exists && st.st_uid == pw->pw_uid)
		return STS_SWITCHED;
	if (exists && st.st_uid != 0 && (pw = getpwuid(st.st_uid)) != NULL)
		return sts_smtpd_stop(w,
		    "a configuration file with a state-dir of its own, and "
		    "mta-sts -f FILE enable opensmtpd",
		    "the state directory %s belongs to %s: a second mail "
		    "server on a machine needs another one",
		    dir, pw->pw_name);
	sts_smtpd_say(w, "mta-sts setup --user %s", user);
	if (w->e->dry_run || w->e->setup(w->e->arg, user))
		return STS_SWITCHED;
	return STS_SWITCHED_OUTSIDE;
}

bool
sts_smtpd_is_current(const struct sts_smtpd_steps *w, bool filter)
{
	const struct sts_smtpd_running *running = &w->service.before;
	long uptime = sts_service_uptime(w->e->smtpctl);

	if (uptime < 0 ||
	    (filter && running->known && running->filter.count == 0))
		return false;
	return sts_service_has_read(w->path, uptime);
}

/* What is the operator's to do, since it is not done here. */
static void
say_not_restarted(const struct sts_smtpd_steps *w, enum sts_smtpd_serves serves)
{
	char command[256];
	bool off = serves == STS_SERVES_OFF;

	sts_service_command(
	    &w->service, off ? "start" : "restart", command, sizeof(command));
	if (off)
		(void)fprintf(w->e->out,
		    "smtpd does not run, and is not started: %s\n", command);
	else
		(void)fprintf(w->e->out,
		    "%s restart smtpd, which reads the file only when it "
		    "starts:\n    %s\n",
		    w->e->dry_run ? "would be yours to do:" : "now", command);
}

enum sts_smtpd_serves
sts_smtpd_restart(struct sts_smtpd_steps *w, bool filter)
{
	struct sts_smtpd_service *s = &w->service;
	enum sts_smtpd_serves serves =
	    s->alive ? STS_SERVES_ELSE : STS_SERVES_OFF;
	char command[256];

	if (s->name == NULL) {
		say_not_restarted(w, serves);
		return serves;
	}
	sts_service_command(s, "restart", command, sizeof(command));
	sts_smtpd_say(w, "%s", command);
	if (w->e->dry_run)
		return STS_SERVES;
	return sts_service_restart(
	    s, filter, filter ? sts_smtpd_count_tables(w->path) : 0);
}

enum sts_switched
sts_smtpd_not_served(const struct sts_smtpd_steps *w, const char *done,
    const char *file, const char *why)
{
	char fix[128];

	if (w->e->managed == STS_MANAGED_SYSTEMD)
		(void)snprintf(
		    fix, sizeof(fix), "see journalctl -u %s", w->service.name);
	else
		(void)snprintf(fix, sizeof(fix), "see the log of smtpd");
	return sts_smtpd_stop(w, fix, "%swith the %s %s", done, file, why);
}

void
sts_smtpd_end_steps(struct sts_smtpd_steps *w)
{
	if (w->trial[0] != '\0')
		(void)unlink(w->trial);
	free(w->bytes);
	sts_smtpd_place_free(&w->place);
	sts_changes_free(&w->changes);
}
