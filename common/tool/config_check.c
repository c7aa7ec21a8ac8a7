/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts config check`: finds all that can be found before mail fails.
 * Findings go to standard output, as the result.  No certificate is parsed
 * here, since this program has no TLS library; what usually goes wrong is that
 * roots are missing or unreadable for the user.
 */
#include "tool/config_check.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "base/readfile.h"
#include "core/policy.h"
#include "tool/access.h"
#include "exim/check/exim.h"
#include "tool/out.h"
#include "tool/reporting.h"
#include "opensmtpd/check/smtpd.h"
#include "tool/tool.h"

/* A bad line, in the form that editors understand. */
static void
note_line(void *arg, const char *file, unsigned line, const char *reason)
{
	struct sts_findings *findings = arg;

	/* The file as a whole. */
	if (line == 0) {
		sts_report_problem(
		    findings, STS_FIND_ERROR, NULL, "%s: %s", file, reason);
		return;
	}
	findings->count[STS_FIND_ERROR]++;
	sts_escape_write(findings->out, file, strlen(file));
	(void)fprintf(findings->out, ":%u: ", line);
	sts_escape_write(findings->out, reason, strlen(reason));
	(void)putc('\n', findings->out);
}

bool
sts_check_state(struct sts_findings *f, const char *dir, struct stat *st)
{
	if (lstat(dir, st) != 0) {
		sts_report_problem(f, STS_FIND_ERROR,
		    errno == ENOENT ? "mta-sts setup --user NAME" : NULL,
		    "state-dir %s: %s", dir, strerror(errno));
		return false;
	}
	if (S_ISLNK(st->st_mode) && stat(dir, st) != 0)
		memset(st, 0, sizeof(*st));
	if (!S_ISDIR(st->st_mode)) {
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "state-dir %s: not a directory", dir);
		return false;
	}
	if (st->st_uid == 0 || st->st_gid == 0)
		sts_report_problem(f, STS_FIND_ERROR,
		    "mta-sts setup --user NAME",
		    "state-dir %s belongs to root%s; the resolver never runs "
		    "as root",
		    dir, st->st_uid == 0 ? "" : "'s group");
	if ((st->st_mode & S_IWOTH) != 0)
		sts_report_problem(f, STS_FIND_ERROR,
		    "mta-sts setup --user NAME",
		    "state-dir %s can be written by everybody", dir);
	else if ((st->st_mode & 07777) != 0750)
		sts_report_problem(f, STS_FIND_WARNING,
		    "mta-sts setup --user NAME",
		    "state-dir %s has mode %04o, not 0750", dir,
		    (unsigned)st->st_mode & 07777);
	return st->st_uid != 0;
}

/* A program may be executable by its user but not by root. */
static void
check_program(struct sts_findings *f, const char *what, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		sts_report_problem(f, STS_FIND_ERROR, NULL, "%s %s: %s", what,
		    path, strerror(errno));
	else if (!S_ISREG(st.st_mode) ||
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "%s %s: the owner of the state directory cannot execute it",
		    what, path);
}

/* Links of openssl-rehash(1): eight hex digits, ".0". */
static bool
is_hashed_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	    isdigit((unsigned char)name[9]);
}

/* False with errno 0 if the directory has no hashed certificate. */
static bool
has_hashed_certificates(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL)
		found = is_hashed_name(entry->d_name);
	(void)closedir(dir);
	errno = 0;
	return found;
}

/*
 * Reads a byte: mode bits do not show access lists, and an empty file has no
 * certificate.
 */
static bool
is_readable_file(const char *path)
{
	struct stat st;
	char byte;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool fine = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (fine) {
		errno = 0;
		fine = read(fd, &byte, 1) == 1;
	}
	if (fd >= 0)
		(void)close(fd);
	return fine;
}

/* For checks that leave errno at 0 if there was no error. */
static const char *
errno_text(void)
{
	return errno != 0 ? strerror(errno) : "there is no certificate in it";
}

/* The default locations of the distributions' OpenSSL. */
static void
check_default_roots(struct sts_findings *f)
{
	static const char *const files[] = {"/etc/ssl/cert.pem",
	    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem",
	    "/etc/ssl/ca-bundle.pem", "/usr/local/share/certs/ca-root-nss.crt"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (is_readable_file(files[i]))
			return;
	}
	if (has_hashed_certificates("/etc/ssl/certs"))
		return;
	sts_report_problem(f, STS_FIND_WARNING,
	    "install ca-certificates, or set ca-file or ca-path",
	    "no trust roots were found in the usual places");
}

/* If both are set, both are used and must work. */
static void
check_roots(struct sts_findings *f, const struct sts_config *config)
{
	if (config->ca_file != NULL && !is_readable_file(config->ca_file))
		sts_report_problem(f, STS_FIND_ERROR, NULL, "ca-file %s: %s",
		    config->ca_file, errno_text());
	if (config->ca_path != NULL &&
	    !has_hashed_certificates(config->ca_path))
		sts_report_problem(f, STS_FIND_ERROR,
		    errno == 0 ? "openssl rehash DIRECTORY" : NULL,
		    "ca-path %s: %s", config->ca_path, errno_text());
	if (config->ca_file == NULL && config->ca_path == NULL)
		check_default_roots(f);
}

struct override_note {
	struct sts_findings *findings;
	const struct sts_override *override;
};

/* Passes on the linter's remarks as findings. */
static void
note_policy(void *arg, unsigned line, enum sts_status reason, bool error)
{
	const struct override_note *note = arg;
	char at[16] = "";

	if (line > 0)
		(void)snprintf(at, sizeof(at), "%u:", line);
	sts_report_problem(note->findings,
	    error ? STS_FIND_ERROR : STS_FIND_WARNING, NULL, "%s:%s %s (%s)",
	    note->override->file, at, sts_status_text(reason),
	    sts_status_name(reason));
}

/*
 * Such a policy is never fetched, so a syntax error in it would be noticed only
 * when mail for the domain waits.
 */
static void
check_override(struct sts_findings *f, const struct sts_override *override)
{
	struct override_note note = {f, override};
	struct sts_policy policy;
	char *bytes = NULL;
	size_t len;
	enum sts_status status;

	if (override->kind != STS_OVERRIDE_POLICY)
		return;
	/* In the same way as the client. */
	status =
	    sts_readfile(override->file, false, STS_BODY_MAX, &bytes, &len);
	if (status == STS_OK)
		(void)sts_policy_parse(&policy, bytes, len, note_policy, &note);
	else
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "domain %s policy %s: the file cannot be read, is a "
		    "link, can be written by everybody, or is larger than 64 "
		    "KiB",
		    override->name, override->file);
	free(bytes);
}

/* The files that the resolver opens. */
static void
check_files(struct sts_findings *f, const struct sts_config *config)
{
	check_program(f, "resolver", config->resolver);
	check_program(f, "fetcher", config->fetcher);
	check_roots(f, config);
	for (size_t i = 0; i < config->override_count; i++)
		check_override(f, &config->overrides[i]);
}

/*
 * Checks files as the owner of the state directory, who reads them, and then
 * returns to root.
 */
void
sts_check_as_owner(struct sts_findings *f, const struct sts_config *config)
{
	struct sts_as_user as = {.switched = false};
	struct stat st;
	bool has_owner = sts_check_state(f, config->state_dir, &st);

	sts_check_safe(f, config);
	if (has_owner && !sts_as_user_begin(&as, st.st_uid, st.st_gid))
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "cannot become the owner of the state directory");
	if (has_owner)
		sts_check_reachable(f, config);
	check_files(f, config);
	if (!sts_as_user_end(&as))
		sts_report_problem(
		    f, STS_FIND_ERROR, NULL, "cannot be root again");
}

/*
 * A warning counts as well: each has a fix, and nobody may read the output of a
 * script.
 */
static int
conclude(struct sts_tool *tool, const struct sts_findings *f)
{
	unsigned bad = f->count[STS_FIND_ERROR] + f->count[STS_FIND_WARNING];

	if (bad > 0)
		return STS_EXIT_NO;
	(void)fprintf(tool->out, "no problem found\n");
	return STS_EXIT_OK;
}

void
sts_check_exim(struct sts_tool *tool, struct sts_findings *findings)
{
	struct sts_exim e = {.binary = tool->args.exim_binary,
	    .config = tool->args.exim_config,
	    .state_dir = tool->config.state_dir,
	    .config_file = tool->args.config_file,
	    .reports = sts_config_reports(&tool->config)};

	sts_exim_check_installed(findings, &e);
}

int
sts_check_smtpd(struct sts_tool *tool, struct sts_findings *findings)
{
	const char *file = tool->args.smtpd_file;
	struct sts_smtpd s = {.config = &tool->config,
	    .config_file = tool->args.config_file,
	    .now = tool->now};
	enum sts_status status = sts_smtpd_check_file(findings, &s, file);

	if (status == STS_OK)
		return STS_EXIT_OK;
	if (status == STS_NO_MEMORY)
		return sts_tool_outside(tool, "%s", sts_status_text(status));
	return sts_tool_outside(tool, "%s: %s", file,
	    status == STS_BAD_LINE ? "too large" : strerror(errno));
}

/*
 * Files alone, so without being asked for: what has come apart since the setup
 * is unseen until protection is gone.
 */
static void
check_debian(const struct sts_tool *tool, struct sts_findings *f)
{
	const char *root = tool->root != NULL ? tool->root : "";
	char etc[1024], generated[1024];

	(void)snprintf(etc, sizeof(etc), "%s/etc/exim4", root);
	(void)snprintf(generated, sizeof(generated),
	    "%s/var/lib/exim4/config.autogenerated", root);
	sts_exim_check_fragments(f, etc, generated);
}

static void
check_reports(struct sts_findings *f, const struct sts_config *config)
{
	sts_reporting_check_config(f, config);
	if (sts_reporting_state(config) == STS_REPORTING_OFF)
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "TLS reports are off: organization and contact are not "
		    "set");
}

int
sts_tool_config_check(struct sts_tool *tool)
{
	struct sts_findings findings = {.out = tool->out};
	enum sts_status status = sts_config_load(
	    &tool->config, tool->args.config_file, note_line, &findings);
	int code = STS_EXIT_OK;

	if (status != STS_OK) {
		code = sts_tool_outside(tool, "%s", sts_status_text(status));
	} else {
		sts_check_as_owner(&findings, &tool->config);
		sts_check_nameservers(&findings, &tool->config, NULL);
		check_reports(&findings, &tool->config);
		if ((tool->args.given &
			(STS_OPT_EXIM | STS_OPT_EXIM_BINARY |
			    STS_OPT_EXIM_CONFIG)) != 0)
			sts_check_exim(tool, &findings);
		else
			check_debian(tool, &findings);
		if ((tool->args.given & STS_OPT_SMTPD) != 0)
			code = sts_check_smtpd(tool, &findings);
		if (code == STS_EXIT_OK)
			code = conclude(tool, &findings);
	}
	sts_config_free(&tool->config);
	return code;
}
