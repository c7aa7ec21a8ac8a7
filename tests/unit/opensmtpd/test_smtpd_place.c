/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts enable opensmtpd` makes of an operator's smtpd.conf.  Each file
 * NAME.in has beside it NAME.out, what is made of it, or NAME.why, the reason
 * why nothing is; a file with neither is complete.  With an argument, prints
 * what is made of that file.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opensmtpd/check/smtpd.h"
#include "opensmtpd/enable/smtpd_place.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_mutate.h"
#include "tests/unit/lib/tap_tool.h"

#define DATA "tests/unit/data/opensmtpd/enable"

enum { TEXT_MAX = 65536 };

static struct sts_config config;
static const struct sts_smtpd_wanted wanted = {.config = &config,
    .roots = "/etc/ssl/certs/ca-certificates.crt"};

/* What became of it, as in a .why file; "" for a new text, which `place` has.
 */
static void
place_text(struct sts_smtpd_place *place, const char *path, const char *text,
    char *why, size_t size)
{
	enum sts_smtpd_placed placed =
	    sts_smtpd_place(place, &wanted, path, text, strlen(text));

	why[0] = '\0';
	if (placed == STS_SMTPD_COMPLETE)
		(void)snprintf(why, size, "complete\n");
	else if (placed != STS_SMTPD_PLACED)
		(void)snprintf(why, size, "%s%s: %s\n%s%s",
		    placed == STS_SMTPD_SMARTHOST ? "smart host: " : "",
		    place->where, place->reason, place->fix,
		    place->fix[0] != '\0' ? "\n" : "");
}

/* Errors and warnings of `config check --smtpd` about the file itself. */
struct tally {
	char text[4096];
};

static void
take(void *arg, const struct sts_finding *finding)
{
	struct tally *tally = arg;
	size_t len = strlen(tally->text);

	/* Of the machine, not of the file. */
	if (finding->severity == STS_FIND_NOTE ||
	    strstr(finding->text, "cannot read its configuration") != NULL ||
	    strstr(finding->text, "does not belong to") != NULL ||
	    strstr(finding->text, "No such file") != NULL ||
	    strstr(finding->text, "not the one checked") != NULL)
		return;
	(void)snprintf(tally->text + len, sizeof(tally->text) - len, "%s: %s\n",
	    sts_severity_name(finding->severity), finding->text);
}

static void
check_text(const char *text, char *found, size_t size)
{
	char path[] = "/tmp/mta-sts-place.XXXXXX";
	struct tally tally = {""};
	struct sts_findings findings = {.take = take, .arg = &tally};
	struct sts_smtpd smtpd = {.config = &config, .trial = true};
	int fd = mkstemp(path);

	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		(void)sts_smtpd_check_file(&findings, &smtpd, path);
	else
		(void)snprintf(tally.text, sizeof(tally.text), "no file");
	(void)close(fd);
	(void)unlink(path);
	(void)snprintf(found, size, "%s", tally.text);
}

/* Files of which a warning stays, and the one that it is. */
static const char *
warning_of(const char *name)
{
	static const char *const untagged[] = {
	    "auth-sendmail", "negated", "optional"};

	for (size_t i = 0; i < sizeof(untagged) / sizeof(untagged[0]); i++) {
		if (strcmp(name, untagged[i]) == 0)
			return "warning: without a tag untrusted clients can "
			       "make the table ask for any domain: smtpd "
			       "evaluates \"for\" before \"auth\"\n";
	}
	return "";
}

static void
try_file(const char *name)
{
	static char in[TEXT_MAX], out[TEXT_MAX], why[TEXT_MAX], got[TEXT_MAX];
	char path[512], found[4096];
	struct sts_smtpd_place place, again;

	(void)snprintf(path, sizeof(path), DATA "/%s.in", name);
	read_text(path, in, sizeof(in));
	(void)snprintf(path, sizeof(path), DATA "/%s.out", name);
	out[0] = '\0';
	if (access(path, F_OK) == 0)
		read_text(path, out, sizeof(out));
	(void)snprintf(path, sizeof(path), DATA "/%s.why", name);
	(void)snprintf(
	    why, sizeof(why), "%s", out[0] == '\0' ? "complete\n" : "");
	if (access(path, F_OK) == 0)
		read_text(path, why, sizeof(why));
	place_text(&place, "smtpd.conf", in, got, sizeof(got));
	is_str(got, why, "%s: %s", name,
	    out[0] != '\0' ? "something is missing" : "what is said of it");
	if (out[0] != '\0' && place.text != NULL) {
		is_str(place.text, out, "%s: it is put in its place", name);
		place_text(&again, "smtpd.conf", place.text, got, sizeof(got));
		is_str(got, "complete\n", "%s: once", name);
		sts_smtpd_place_free(&again);
		check_text(place.text, found, sizeof(found));
		is_str(found, warning_of(name),
		    "%s: config check finds nothing else", name);
	}
	sts_smtpd_place_free(&place);
}

/* What is in a file that is included is never changed. */
static void
includes(void)
{
	static const char table[] =
	    "table t { \"x\" }\naction \"r\" relay src <t>\n";
	static const struct {
		const char *included, *rest, *what, *expected;
	} cases[] = {
	    {"listen on localhost\n",
		"action \"r\" relay\nmatch for any action \"r\"\n",
		"a listener",
		"1: this line is in a file that is included, which is left as "
		"it is\nadd there: filter \"mta-sts\"\n"},
	    {"match for any action \"r\"\n", "", "a rule",
		"1: this line is in a file that is included, which is left as "
		"it is\nbefore it, with its conditions: for domain <mta-sts> "
		"action \"mta-sts\", as the guide (opensmtpd.md) shows\n"},
	};
	char path[] = "/tmp/mta-sts-include.XXXXXX", text[512], got[1024];
	struct sts_smtpd_place place;
	int fd = mkstemp(path);

	(void)close(fd);
	for (size_t i = 0; i < 2; i++) {
		write_file(path, cases[i].included, strlen(cases[i].included));
		(void)snprintf(text, sizeof(text),
		    "action \"r\" relay\ninclude \"%s\"\n%s", path,
		    cases[i].rest);
		place_text(&place, "smtpd.conf", text, got, sizeof(got));
		is_str(strchr(got, ':') + 1, cases[i].expected,
		    "%s in an included file is not changed", cases[i].what);
		sts_smtpd_place_free(&place);
	}
	write_file(path, table, sizeof(table) - 1);
	(void)snprintf(text, sizeof(text),
	    "# a\ninclude \"%s\"\nlisten on socket\n"
	    "match for any action \"r\"\n",
	    path);
	place_text(&place, "smtpd.conf", text, got, sizeof(got));
	is_str(got, "", "an action in an included file is no obstacle");
	ok(place.text != NULL &&
		strstr(place.text, "relay src <t> tls ca") != NULL,
	    "its options are taken over");
	sts_smtpd_place_free(&place);
	(void)unlink(path);
}

/* Files cut and changed at random: nothing dies, nothing else is changed. */
static void
damaged(const char *name)
{
	static char in[TEXT_MAX], got[TEXT_MAX];
	char path[512];
	struct sts_smtpd_place place;
	size_t len;

	(void)snprintf(path, sizeof(path), DATA "/%s.in", name);
	for (unsigned i = 0; i < 200; i++) {
		read_text(path, in, sizeof(in));
		mutate_seed(i);
		len = mutate(in, strlen(in), sizeof(in) - 1);
		in[len] = '\0';
		if (strlen(in) != len || strstr(in, "include") != NULL)
			continue;
		place_text(&place, "smtpd.conf", in, got, sizeof(got));
		sts_smtpd_place_free(&place);
	}
	ok(true, "%s: damaged files are no danger", name);
}

static int
print_file(const char *path)
{
	static char in[TEXT_MAX], got[TEXT_MAX];
	struct sts_smtpd_place place;

	read_text(path, in, sizeof(in));
	place_text(&place, "smtpd.conf", in, got, sizeof(got));
	(void)fputs(place.text != NULL ? place.text : got, stdout);
	sts_smtpd_place_free(&place);
	return 0;
}

int
main(int argc, char **argv)
{
	struct dirent **names;
	int count;

	if (argc > 1)
		return print_file(argv[1]);
	count = scandir(DATA, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *dot = strrchr(names[i]->d_name, '.');

		if (dot != NULL && strcmp(dot, ".in") == 0) {
			*dot = '\0';
			try_file(names[i]->d_name);
			damaged(names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	includes();
	return tap_done();
}
