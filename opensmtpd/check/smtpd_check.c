/* SPDX-License-Identifier: ISC */
/* The filter, the table, the listeners; and missing parts. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/readfile.h"
#include "base/clock.h"
#include "store/store.h"
#include "opensmtpd/check/smtpd.h"

enum { UNPROTECTED_SHOWN = 7 * 86400 };

/* Whether there is a table, an action, a rule for MTA-STS at all. */
struct parts {
	bool table, action, rule;
};

static void
find_parts(const struct sts_smtpd *s, struct parts *p)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *t = &s->conf.statement[i];

		if (sts_smtpd_is(&t->word[0], "table") &&
		    sts_smtpd_table_path(t) != NULL &&
		    !sts_smtpd_table_is_unknown(t))
			p->table = true;
		if (sts_smtpd_is(&t->word[0], "action") &&
		    sts_smtpd_is_strict(&s->conf, t))
			p->action = true;
	}
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sts_smtpd_rule *r = &s->rule[i];

		if (r->for_table != NULL &&
		    !sts_smtpd_table_is_unknown(r->for_table))
			p->rule = true;
	}
}

/* The whole file, for findings without a line. */
static struct sts_smtpd_statement
whole_file(const struct sts_smtpd *s)
{
	return (struct sts_smtpd_statement){
	    .file = s->conf.file_count > 0 ? s->conf.file[0] : "smtpd.conf"};
}

/* False: parts are missing, so other findings would only repeat that. */
static bool
check_parts(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct sts_smtpd_statement here = whole_file(s);
	bool filter = sts_smtpd_our_filter(&s->conf) != NULL;
	struct parts p;

	find_parts(s, &p);
	if (filter && !p.table && !p.action && !p.rule)
		sts_smtpd_report(f, STS_FIND_ERROR, &here,
		    "take the table, the action and the match rules "
		    "from " STS_EXAMPLE_DIR "/opensmtpd/example.conf",
		    "the filter alone protects nothing");
	if (!filter)
		sts_smtpd_report(f, STS_FIND_ERROR, &here,
		    "filter \"mta-sts\" proc-exec \"filter-mta-sts\"",
		    "no filter waits for policies: mail for domains never "
		    "looked up is refused");
	if (!p.table)
		sts_smtpd_report(f, STS_FIND_ERROR, &here,
		    "table mta-sts \"mta-sts:/etc/mta-sts.conf\"",
		    "no table decides where mail may go");
	if (p.table && !p.action)
		sts_smtpd_report(f, STS_FIND_ERROR, &here,
		    "action \"mta-sts\" relay tls ca mta-sts-roots domain "
		    "<mta-sts> filter \"mta-sts\"",
		    "no action asks the table for hosts: nothing is enforced");
	if (p.table && !p.rule)
		sts_smtpd_report(f, STS_FIND_ERROR, &here,
		    "match from local for domain <mta-sts> action \"mta-sts\"",
		    "no rule asks the table for domains: nothing is enforced");
	return p.table;
}

/*
 * As the table will read it, without root or root's groups: in a child process.
 */
static bool
loads_as_owner(const struct sts_smtpd *s, const char *path)
{
	struct sts_config config;
	struct stat st;
	bool drop = geteuid() == 0 && s->config->state_dir != NULL &&
	    stat(s->config->state_dir, &st) == 0 && st.st_uid != 0;
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		if (drop &&
		    (setgroups(1, &st.st_gid) != 0 || setgid(st.st_gid) != 0 ||
			setuid(st.st_uid) != 0))
			_exit(1);
		_exit(sts_config_load(&config, path, NULL, NULL) == STS_OK ? 0
									   : 1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}

/* The parameter of a table, which smtpd takes as an absolute path. */
static void
check_table(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_statement *table)
{
	const char *path = sts_smtpd_table_path(table);
	const char *checked =
	    s->config_file != NULL ? s->config_file : sts_config_default_file();

	if (path[0] != '/') {
		sts_smtpd_report(f, STS_FIND_ERROR, table,
		    "table mta-sts \"mta-sts:/etc/mta-sts.conf\"",
		    "the parameter of table %s is no absolute path",
		    table->word[1].text);
		return;
	}
	if (!loads_as_owner(s, path))
		sts_smtpd_report(f, STS_FIND_ERROR, table,
		    "make it (it may be empty), readable by the owner of the "
		    "state directory and writable by root only",
		    "table %s cannot read its configuration %s",
		    table->word[1].text, path);
	if (strcmp(path, checked) != 0)
		sts_smtpd_report(f, STS_FIND_WARNING, table,
		    "check the configuration that the table uses, with -f",
		    "table %s uses the configuration %s, not the one checked "
		    "here",
		    table->word[1].text, path);
}

/* The value of option -f in the command, or the default. */
static void
config_of_command(const char *command, char *buf, size_t size)
{
	const char *at = strstr(command, " -f");

	(void)snprintf(buf, size, "%s", sts_config_default_file());
	if (at == NULL)
		return;
	at += 3 + strspn(at + 3, " \t");
	(void)snprintf(buf, size, "%.*s", (int)strcspn(at, " \t"), at);
}

/* `smtpd -n` does not check it, and smtpd exits if it cannot start it. */
static void
check_program(struct sts_findings *f, const struct sts_smtpd_statement *filter,
    const char *command)
{
	char path[512];

	/* Only smtpd knows its filter directory. */
	if (command[0] != '/')
		return;
	(void)snprintf(
	    path, sizeof(path), "%.*s", (int)strcspn(command, " \t"), command);
	if (access(path, X_OK) != 0)
		sts_smtpd_report(f, STS_FIND_ERROR, filter,
		    "install it, or name it as it is installed",
		    "filter %s: %s: %s", filter->word[1].text, path,
		    strerror(errno));
}

/* Filter and table are two programs that must use one store. */
static void
check_filter(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_statement *filter)
{
	const char *command = sts_smtpd_filter_command(&s->conf, filter);
	const char *checked =
	    s->config_file != NULL ? s->config_file : sts_config_default_file();
	char config[512], fix[640];

	check_program(f, filter, command);
	config_of_command(command, config, sizeof(config));
	if (strcmp(config, checked) == 0)
		return;
	(void)snprintf(fix, sizeof(fix), "filter-mta-sts -f %s", checked);
	sts_smtpd_report(f, STS_FIND_WARNING, filter, fix,
	    "filter %s uses the configuration %s, not the one checked here",
	    filter->word[1].text, config);
}

/* The user who runs smtpd's tables and filters, by the usual names. */
static void
check_owner(struct sts_findings *f, const struct sts_smtpd *s)
{
	static const char *const users[] = {"opensmtpd", "_smtpd", "smtpd"};
	struct sts_smtpd_statement here = whole_file(s);
	const struct passwd *pw = NULL;
	const char *name = NULL;
	char fix[96];
	struct stat st;

	for (size_t i = 0; pw == NULL && i < 3; i++) {
		pw = getpwnam(users[i]);
		name = users[i];
	}
	if (pw == NULL || s->config->state_dir == NULL ||
	    stat(s->config->state_dir, &st) != 0 || st.st_uid == pw->pw_uid)
		return;
	(void)snprintf(fix, sizeof(fix), "mta-sts setup --user %s", name);
	sts_smtpd_report(f, STS_FIND_ERROR, &here, fix,
	    "state-dir %s does not belong to %s, as whom smtpd runs filters "
	    "and tables",
	    s->config->state_dir, name);
}

bool
sts_smtpd_needs_filter(const struct sts_smtpd_statement *listener)
{
	static const char *const local[] = {"socket", "localhost", "lo", "lo0",
	    "127.0.0.1", "::1", "all", "0.0.0.0"};
	const struct sts_smtpd_word *on = sts_smtpd_value(listener, "on");

	if (sts_smtpd_has(listener, "auth") ||
	    sts_smtpd_has(listener, "auth-optional"))
		return true;
	for (size_t i = 0; on != NULL && i < sizeof(local) / sizeof(local[0]);
	     i++) {
		if (strcmp(on->text, local[i]) == 0)
			return true;
	}
	return false;
}

static void
check_listener(struct sts_findings *f, const struct sts_smtpd *s,
    const struct sts_smtpd_statement *listener)
{
	const char *ours = sts_smtpd_our_filter(&s->conf);
	char fix[160];

	if (!sts_smtpd_needs_filter(listener))
		return;
	if (sts_smtpd_has_filter(&s->conf, listener))
		return;
	if (sts_smtpd_has(listener, "filter"))
		(void)snprintf(fix, sizeof(fix),
		    "a chain of both: filter \"NAME\" chain { \"%s\", "
		    "\"OTHER\" }",
		    ours);
	else
		(void)snprintf(fix, sizeof(fix), "filter \"%s\"", ours);
	sts_smtpd_report(f, STS_FIND_ERROR, listener, fix,
	    "the listener does not have the filter: its mail for domains "
	    "never looked up is refused");
}

static void
check_listeners(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct sts_smtpd_statement here = whole_file(s);
	const char *ours = sts_smtpd_our_filter(&s->conf);
	bool socket = false;
	char fix[160];

	if (ours == NULL)
		return;
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *l = &s->conf.statement[i];

		if (!sts_smtpd_is(&l->word[0], "listen"))
			continue;
		if (sts_smtpd_is(sts_smtpd_value(l, "on"), "socket"))
			socket = true;
		check_listener(f, s, l);
	}
	(void)snprintf(
	    fix, sizeof(fix), "listen on socket filter \"%s\"", ours);
	if (!socket)
		sts_smtpd_report(f, STS_FIND_ERROR, &here, fix,
		    "the filter does not see mail from sendmail, nor bounces");
}

/* Only a hold listener can keep mail that smtpd refuses from sendmail. */
static void
check_hold(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct sts_smtpd_statement here = whole_file(s);

	for (size_t i = 0; i < s->rule_count; i++) {
		if (s->rule[i].for_table != NULL &&
		    sts_smtpd_table_is_unknown(s->rule[i].for_table))
			return;
	}
	sts_smtpd_report(f, STS_FIND_NOTE, &here, NULL,
	    "no hold listener: sendmail to an alias or a .forward at a domain "
	    "never looked up may lose the mail; " STS_EXAMPLE_DIR
	    "/opensmtpd/example.conf has one");
}

/*
 * After 15 s smtpd forgets that an address refused a connection: with long
 * intervals between the connections of a relay it tries the first addresses for
 * ever.  Seen from two dead addresses on with 10 seconds, from three with 7,
 * from four with 5; never with the default of 2.
 */
static void
check_limits(struct sts_findings *f, const struct sts_smtpd *s)
{
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *l = &s->conf.statement[i];
		const struct sts_smtpd_word *delay =
		    sts_smtpd_value(l, "conn-delay-relay");

		if ((!sts_smtpd_is(&l->word[0], "mta") &&
			!sts_smtpd_is(&l->word[0], "limit")) ||
		    delay == NULL || strtol(delay->text, NULL, 10) <= 2)
			continue;
		sts_smtpd_report(f, STS_FIND_ERROR, l,
		    "leave out conn-delay-relay",
		    "with conn-delay-relay %s mail for any domain whose first "
		    "MX addresses are dead may never reach the one that works",
		    delay->text);
	}
}

/* Mail that the filter saw leave by a rule that was not found here. */
static void
check_unprotected(struct sts_findings *f, const struct sts_smtpd *s)
{
	struct sts_smtpd_statement here = whole_file(s);
	struct sts_unprotected u;
	struct sts_store *store;
	char when[STS_TIME_TEXT], fix[STS_NAME_MAX + 128];

	if (s->config->state_dir == NULL ||
	    sts_store_open(&store, s->config->state_dir, false) != STS_OK)
		return;
	if (sts_store_read_unprotected(store, &u) == STS_OK &&
	    s->now - u.when <= UNPROTECTED_SHOWN) {
		(void)snprintf(fix, sizeof(fix),
		    "find the rule that matched it; if that is intended: "
		    "domain %s off in mta-sts.conf",
		    u.domain);
		sts_smtpd_report(f, STS_FIND_ERROR, &here, fix,
		    "mail for %s, which enforces, left at %s, and the table "
		    "was not asked for its host",
		    u.domain, sts_time_text(when, u.when));
	}
	sts_store_close(store);
}

static void
check_all(struct sts_findings *f, const struct sts_smtpd *s)
{
	if (!s->trial)
		check_unprotected(f, s);
	if (!check_parts(f, s))
		return;
	for (size_t i = 0; i < s->conf.count; i++) {
		const struct sts_smtpd_statement *t = &s->conf.statement[i];

		if (sts_smtpd_is(&t->word[0], "table") &&
		    sts_smtpd_table_path(t) != NULL)
			check_table(f, s, t);
		else if (sts_smtpd_is_our_filter(&s->conf, t))
			check_filter(f, s, t);
	}
	check_owner(f, s);
	check_listeners(f, s);
	check_limits(f, s);
	check_hold(f, s);
	sts_smtpd_check_actions(f, s);
	sts_smtpd_check_rules(f, s);
}

/* Reads the file; checks it all, or, for `signing`, what reports need. */
static enum sts_status
read_and_check(struct sts_findings *findings, struct sts_smtpd *s,
    const char *file, struct sts_signing *signing)
{
	enum sts_status status = sts_smtpd_read(&s->conf, file, findings);
	int error = errno;

	if (status == STS_OK && !sts_smtpd_make_rules(s))
		status = STS_NO_MEMORY;
	if (status == STS_OK && signing == NULL)
		check_all(findings, s);
	else if (status == STS_OK) {
		sts_smtpd_check_signing(findings, s, signing);
		sts_smtpd_check_sender(findings, s, signing);
	}
	sts_smtpd_free_rules(s);
	sts_smtpd_free(&s->conf);
	errno = error;
	return status;
}

enum sts_status
sts_smtpd_check_file(
    struct sts_findings *findings, struct sts_smtpd *s, const char *file)
{
	return read_and_check(findings, s, file, NULL);
}

enum sts_status
sts_smtpd_check_reporter(struct sts_findings *findings, struct sts_smtpd *s,
    const char *file, struct sts_signing *signing)
{
	return read_and_check(findings, s, file, signing);
}
