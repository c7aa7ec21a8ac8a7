/* SPDX-License-Identifier: ISC */
/*
 * Debian's Exim: its fragments, and why no router uses policies: they may be
 * missing, inert, or missing from the generated file.
 */
#include "exim/check/exim.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/readfile.h"

enum { TEXT_MAX = 1024 * 1024 };

#define FRAGMENTS STS_EXAMPLE_DIR "/exim/debian"

#define QUERY     "mta_sts_query" /* what a configuration of ours calls */

/* Links all of them. */
#define LINK_ALL                                                              \
	"for f in main/04_mta-sts router/190_mta-sts transport/31_mta-sts "   \
	"retry/20_mta-sts; do ln -sfn " FRAGMENTS "/$f /etc/exim4/conf.d/$f;" \
	" done"

/* Where Debian reads macros from. */
#define PLACE                                         \
	"  in /etc/exim4/exim4.conf.localmacros, or " \
	"/etc/exim4/conf.d/main/000_local if split; then update-exim4.conf"

static const char *const names[] = {"main/04_mta-sts", "router/190_mta-sts",
    "transport/31_mta-sts", "retry/20_mta-sts"};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

enum presence { MISSING, DANGLING, PRESENT };

static char *
read_text(const char *directory, const char *name)
{
	char path[1024], *bytes;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s%s%s", directory,
	    name[0] != '\0' ? "/" : "", name);
	return sts_readfile(path, true, TEXT_MAX, &bytes, &len) == STS_OK
	    ? bytes
	    : NULL;
}

static enum presence
presence_of(const char *etc, const char *name)
{
	char path[1024];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/conf.d/%s", etc, name);
	if (stat(path, &st) == 0)
		return PRESENT;
	return lstat(path, &st) == 0 ? DANGLING : MISSING;
}

/* How many of them are there, in that way or a better one. */
static size_t
count(const char *etc, enum presence least)
{
	size_t found = 0;

	for (size_t i = 0; i < NAME_COUNT; i++)
		found += presence_of(etc, names[i]) >= least;
	return found;
}

bool
sts_exim_has_fragments(const char *etc)
{
	return count(etc, DANGLING) > 0;
}

/* True if all of them are there, and no link for one dangles. */
static bool
has_all_fragments(const char *etc)
{
	return count(etc, PRESENT) == NAME_COUNT;
}

/* update-exim4.conf skips a dangling link silently. */
static void
report_missing(struct sts_findings *f, const char *etc, const char *name,
    enum presence presence)
{
	char fix[1200], example[512];

	(void)snprintf(example, sizeof(example), FRAGMENTS "/%s", name);
	(void)snprintf(fix, sizeof(fix),
	    "ln -sfn %s %s/conf.d/%s && update-exim4.conf%s", example, etc,
	    name,
	    access(example, F_OK) == 0
		? ""
		: "  (the first file is missing: install the examples again)");
	sts_report_problem(f, STS_FIND_ERROR, fix,
	    presence == DANGLING ? "%s/conf.d/%s is a dangling link, which "
				   "the next update-exim4.conf skips"
				 : "%s/conf.d/%s is missing; the other MTA-STS "
				   "fragments are there",
	    etc, name);
}

/*
 * True if the text contains each line of the fragment, except comments, which
 * the generated file lacks.
 */
static bool
is_contained(char *fragment, const char *text)
{
	char *rest = fragment, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		line += strspn(line, " \t");
		if (line[0] != '\0' && line[0] != '#' &&
		    strstr(text, line) == NULL)
			return false;
	}
	return true;
}

/* The first fragment of conf.d that is not in the text, or NULL. */
static const char *
first_lacking(const char *etc, const char *text)
{
	char directory[1024];
	const char *lacking = NULL;

	(void)snprintf(directory, sizeof(directory), "%s/conf.d", etc);
	for (size_t i = 0; i < NAME_COUNT && lacking == NULL; i++) {
		char *fragment = read_text(directory, names[i]);

		if (fragment != NULL && !is_contained(fragment, text))
			lacking = names[i];
		free(fragment);
	}
	return lacking;
}

bool
sts_exim_setting(const char *etc, const char *key, char *buf, size_t size)
{
	char *bytes = read_text(etc, "update-exim4.conf.conf");
	char *rest = bytes, *line;
	size_t len = strlen(key);
	bool found = bytes != NULL;

	buf[0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		line += len + 1 + strspn(line + len + 1, "'\"");
		(void)snprintf(
		    buf, size, "%.*s", (int)strcspn(line, "'\""), line);
	}
	free(bytes);
	return found;
}

/* Debian's default is not to split: then the template is used. */
static bool
is_split(const char *etc)
{
	char value[32];

	return sts_exim_setting(
		   etc, "dc_use_split_config", value, sizeof(value)) &&
	    strcmp(value, "true") == 0;
}

/* Skips a file that this user cannot read. */
static bool
check_text(struct sts_findings *f, const char *etc, const char *path,
    const char *name, const char *fix)
{
	char *text = read_text(path, name);
	const char *lacking = text != NULL ? first_lacking(etc, text) : NULL;

	free(text);
	if (lacking == NULL)
		return true;
	sts_report_problem(f, STS_FIND_ERROR, fix,
	    "%s%s%s does not have what %s/conf.d/%s says: it was made before "
	    "it, or rebuilt without it",
	    path, name[0] != '\0' ? "/" : "", name, etc, lacking);
	return false;
}

/* True if a file of conf.d/router, whatever its name, asks for policies. */
static bool
conf_d_asks(const char *etc)
{
	char path[1024];
	struct dirent *d;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/conf.d/router", etc);
	if ((dir = opendir(path)) == NULL)
		return false;
	while (!found && (d = readdir(dir)) != NULL) {
		char *text = read_text(path, d->d_name);

		found = text != NULL && strstr(text, QUERY) != NULL;
		free(text);
	}
	(void)closedir(dir);
	return found;
}

static bool
file_asks(const char *path, const char *name)
{
	char *text = read_text(path, name);
	bool found = text != NULL && strstr(text, QUERY) != NULL;

	free(text);
	return found;
}

/* True for the includes of exim/conf/include, which ask in their own file. */
static bool
file_includes(const char *path)
{
	char *text = read_text(path, "");
	bool found = text != NULL &&
	    strstr(text, STS_EXAMPLE_DIR "/exim/include/routers") != NULL;

	free(text);
	return found;
}

/* All are gone, and Exim still reads what was made of them. */
static void
check_remains(struct sts_findings *f, const char *etc, const char *generated)
{
	bool split = is_split(etc);

	if (!file_asks(generated, "") ||
	    (split ? conf_d_asks(etc) : file_asks(etc, "exim4.conf.template")))
		return;
	sts_report_problem(f, STS_FIND_ERROR,
	    split ? LINK_ALL "; then update-exim4.conf"
		  : LINK_ALL "; then update-exim4.conf.template -r && "
			     "update-exim4.conf",
	    "%s has the MTA-STS routers, but %s%s, of which it is made, no "
	    "longer does: the next update-exim4.conf drops them",
	    generated, etc, split ? "/conf.d" : "/exim4.conf.template");
}

/* Debian's Exim reads this file, if it is there, and nothing else. */
static bool
check_single_file(struct sts_findings *f, const char *etc)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/exim4.conf", etc);
	if (access(path, F_OK) != 0)
		return false;
	if (sts_exim_has_fragments(etc) && access(path, R_OK) == 0 &&
	    !file_asks(path, "") && !file_includes(path))
		sts_report_problem(f, STS_FIND_ERROR,
		    "move it away, or take the routers and the transports "
		    "from " STS_EXAMPLE_DIR "/exim/example.conf",
		    "Exim reads %s and nothing of conf.d, since that file "
		    "exists: no router in it asks mta_sts_query",
		    path);
	return true;
}

void
sts_exim_check_fragments(
    struct sts_findings *f, const char *etc, const char *generated)
{
	if (check_single_file(f, etc))
		return;
	if (!sts_exim_has_fragments(etc)) {
		check_remains(f, etc, generated);
		return;
	}
	for (size_t i = 0; i < NAME_COUNT; i++) {
		enum presence presence = presence_of(etc, names[i]);

		if (presence != PRESENT)
			report_missing(f, etc, names[i], presence);
	}
	/* A file generated from a template lacks the same. */
	if (is_split(etc) ||
	    check_text(f, etc, etc, "exim4.conf.template",
		"update-exim4.conf.template -r && update-exim4.conf"))
		(void)check_text(f, etc, generated, "", "update-exim4.conf");
}

/* No router. */

/*
 * With a smart host there is no MX lookup: verified TLS to that host satisfies
 * RFC 8461 3.4.
 */
static void
check_smarthost(
    struct sts_findings *f, const struct sts_exim *e, const char *type)
{
	const struct sts_exim_driver *d =
	    sts_exim_find(&e->transports, "remote_smtp_smarthost");

	sts_report_problem(f, STS_FIND_NOTE, NULL,
	    "the configuration type is \"%s\": all mail goes to a smart host, "
	    "and the MTA-STS fragments do nothing",
	    type);
	if (!sts_exim_is(d, "hosts_require_tls", "*"))
		sts_report_problem(f, STS_FIND_ERROR,
		    "REMOTE_SMTP_SMARTHOST_HOSTS_REQUIRE_TLS = *" PLACE,
		    "mail to the smart host may go out in clear text");
	if (d != NULL && !sts_exim_is(d, "tls_verify_hosts", "*"))
		sts_report_problem(f, STS_FIND_ERROR,
		    "REMOTE_SMTP_SMARTHOST_TLS_VERIFY_HOSTS = *" PLACE,
		    "the smart host's certificate is not verified");
}

/* The causes in the order in which an installation meets them. */
static void
check_debian(struct sts_findings *f, const struct sts_exim *e, const char *type)
{
	if (strcmp(type, "smarthost") == 0 || strcmp(type, "satellite") == 0)
		check_smarthost(f, e, type);
	else if (strcmp(type, "internet") != 0)
		sts_report_problem(f, STS_FIND_NOTE, NULL,
		    "the configuration type is \"%s\": no mail leaves this "
		    "machine by MX, and the MTA-STS fragments do nothing",
		    type);
	else if (!has_all_fragments(e->debian_dir))
		sts_report_problem(f, STS_FIND_ERROR, LINK_ALL,
		    "the MTA-STS fragments are not in %s/conf.d",
		    e->debian_dir);
	else if (!is_split(e->debian_dir))
		sts_report_problem(f, STS_FIND_ERROR,
		    "update-exim4.conf.template -r && update-exim4.conf",
		    "the configuration is not split: the MTA-STS fragments "
		    "are linked, but not in the file that Exim reads");
	else
		sts_report_problem(f, STS_FIND_ERROR, "update-exim4.conf",
		    "the MTA-STS fragments are linked, but not in the file "
		    "that Exim reads");
}

/* The router that the fragments define for an Exim without dlfunc. */
static const struct sts_exim_driver *
no_dlfunc_router(const struct sts_exim *e)
{
	for (size_t i = 0; i < e->routers.count; i++) {
		const struct sts_exim_driver *d = &e->routers.driver[i];
		const char *data = sts_exim_value(d, "data");

		if (data != NULL &&
		    strstr(data, "this Exim binary has no dlfunc") != NULL)
			return d;
	}
	return NULL;
}

void
sts_exim_check_no_router(struct sts_findings *f, const struct sts_exim *e)
{
	const struct sts_exim_driver *defers = no_dlfunc_router(e);
	char type[32]; /* internet, smarthost, satellite, local, none */

	if (defers != NULL)
		sts_report_problem(f, STS_FIND_ERROR,
		    "apt install exim4-daemon-heavy",
		    "router %s defers all remote mail: this Exim cannot ask "
		    "for policies",
		    defers->name);
	/* Else Exim reads a file that Debian did not generate. */
	else if (strstr(e->main, "/config.autogenerated") != NULL &&
	    sts_exim_setting(
		e->debian_dir, "dc_eximconfig_configtype", type, sizeof(type)))
		check_debian(f, e, type);
	else
		sts_report_problem(f, STS_FIND_ERROR,
		    "take the routers and the transports "
		    "from " STS_EXAMPLE_DIR "/exim/example.conf",
		    "no router asks mta_sts_query");
}
