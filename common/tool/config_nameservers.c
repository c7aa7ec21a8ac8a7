/* SPDX-License-Identifier: ISC */
#include "tool/config_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/resolver_lines.h"

enum {
	LINE_MAX_LEN = 256,
	SERVER_MS = 2000,
	SPARE_MS = 3000, /* for start and end */
	LINES_MAX = STS_NAMESERVERS_MAX + 1
};

/* The resolver's report on one server. */
struct said {
	char text[LINE_MAX_LEN];
	char state[32];
	int detail;
};

struct report {
	struct said said[LINES_MAX];
	size_t count, answered;
	bool implied; /* /etc/resolv.conf names no server */
};

/* "implied" or "nameserver TEXT STATE [DETAIL]"; ignores anything else. */
static void
parse_line(void *arg, char *line)
{
	struct report *report = arg;
	struct said *said = &report->said[report->count];
	const char *keyword = strsep(&line, " ");
	const char *text = line != NULL ? strsep(&line, " ") : NULL;
	const char *state = line != NULL ? strsep(&line, " ") : NULL;

	if (strcmp(keyword, "implied") == 0)
		report->implied = true;
	if (state == NULL || strcmp(keyword, "nameserver") != 0 ||
	    report->count == LINES_MAX)
		return;
	(void)snprintf(said->text, sizeof(said->text), "%s", text);
	(void)snprintf(said->state, sizeof(said->state), "%s", state);
	said->detail = line != NULL ? atoi(line) : 0;
	report->answered += strcmp(state, "answered") == 0;
	report->count++;
}

static enum sts_status
ask_resolver(struct report *report, const struct sts_config *config)
{
	const char *arguments[] = {"--check-nameservers", NULL};

	return sts_tool_resolver_lines(config, arguments,
	    STS_NAMESERVERS_MAX * SERVER_MS + SPARE_MS, parse_line, report);
}

static const char fix_list[] =
    "name one that works in /etc/resolv.conf, or with \"nameserver\" in "
    "mta-sts.conf";

/* The fault, or NULL; and its fix. */
static const char *
wrong_of(const struct said *said, const char **fix)
{
	static const struct {
		const char *state, *wrong, *fix;
	} known[] = {
	    {"refused", "nothing listens there", fix_list},
	    {"no_interface",
		"its zone is not a network interface of this machine",
		fix_list},
	    {"unusable", "is not an address", fix_list},
	    {"silent", "does not answer within 2 seconds", fix_list},
	    {"garbage", "sends no valid DNS answer, or refuses this machine",
		fix_list},
	    {"failed", "answers with an error, perhaps not to this machine",
		"have it serve this machine, or name another one"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].state, said->state) == 0) {
			*fix = known[i].fix;
			return known[i].wrong;
		}
	}
	*fix = said->detail == EACCES || said->detail == EPERM
	    ? "a rule of this machine (firewall, ip rule, mandatory access "
	      "control) blocks port 53 for the owner of state-dir: allow it"
	    : fix_list;
	return said->detail > 0 ? strerror(said->detail) : "cannot be reached";
}

static void
note(struct sts_findings *f, const struct report *report,
    const struct said *said)
{
	const char *fix, *wrong;

	if (strcmp(said->state, "answered") == 0)
		return;
	wrong = wrong_of(said, &fix);
	sts_report_problem(f,
	    report->answered > 0 ? STS_FIND_WARNING : STS_FIND_ERROR, fix,
	    "nameserver %s: %s", said->text, wrong);
}

void
sts_check_nameservers(struct sts_findings *f, const struct sts_config *config,
    struct sts_nameserver_count *count)
{
	struct report report = {.count = 0};
	enum sts_status status = ask_resolver(&report, config);

	if (count != NULL)
		*count = (struct sts_nameserver_count){
		    report.count, report.answered};
	if (report.implied)
		sts_report_problem(f, STS_FIND_NOTE,
		    "name one there, or with \"nameserver\" in mta-sts.conf, "
		    "if "
		    "that is not meant",
		    "/etc/resolv.conf names no name server: as by the C "
		    "library, "
		    "one on this machine is asked (127.0.0.1)");
	for (size_t i = 0; i < report.count; i++)
		note(f, &report, &report.said[i]);
	if (report.count == 0)
		sts_report_problem(f, STS_FIND_ERROR, NULL,
		    "the name servers could not be queried: %s",
		    status != STS_OK ? sts_status_text(status)
				     : "the resolver did not report on them");
	else if (report.answered == 0)
		sts_report_problem(f, STS_FIND_ERROR, fix_list,
		    "no name server answers: mail to domains never looked up "
		    "waits (no_nameserver)");
}
