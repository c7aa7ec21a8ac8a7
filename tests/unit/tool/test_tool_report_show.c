/* SPDX-License-Identifier: ISC */
/* `mta-sts report show`: what was recorded of our own sessions. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/outcome.h"
#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"
#include "tool/tool.h"

enum { PATH_BYTES = 200, DOMAINS = 50 };

static char top[] = "/tmp/mta-sts-show.XXXXXX";
static char conf[PATH_BYTES], off[PATH_BYTES];
static int64_t today;

static const char *
path_of(const char *name)
{
	return path_in(top, name);
}

static const char *
text_of(int64_t day)
{
	static char text[2][STS_DAY_TEXT];
	static unsigned turn;

	turn = (turn + 1) % 2;
	sts_outcomes_day_text(day, text[turn]);
	return text[turn];
}

static struct sts_outcome
session(const char *domain, enum sts_result result)
{
	struct sts_outcome o = {.type = STS_POLICY_TYPE_STS,
	    .fetched = 1795305600,
	    .result = result,
	    .mx = "mx1.example.net",
	    .receiving_ip = "192.0.2.1",
	    .sending_ip = "198.51.100.1",
	    .helo = "helo.example.net"};

	snprintf(o.domain, sizeof(o.domain), "%s", domain);
	return o;
}

/* Appends sessions to the file of a day. */
static void
record(int64_t day, struct sts_outcome outcome, int times)
{
	char name[60], line[STS_OUTCOME_LINE_MAX];
	size_t len;
	FILE *file;

	outcome.time = day * STS_DAY + 3600;
	len = sts_outcome_format(&outcome, line);
	snprintf(name, sizeof(name), "state/outcomes/%s", text_of(day));
	file = fopen(path_of(name), "a");
	if (file == NULL || len == 0) {
		printf("Bail out! no outcome in %s\n", name);
		exit(1);
	}
	while (times-- > 0)
		(void)fwrite(line, 1, len, file);
	fclose(file);
}

static void
put_conf(char *path, const char *name, const char *keys)
{
	char text[500];

	snprintf(path, PATH_BYTES, "%s", path_of(name));
	snprintf(
	    text, sizeof(text), "state-dir %s\n%s", path_of("state"), keys);
	write_file(path, text, strlen(text));
}

static void
begin(void)
{
	char command[PATH_BYTES];

	snprintf(command, sizeof(command), "rm -rf %s/state", top);
	if (system(command) != 0 || mkdir(path_of("state"), 0750) != 0 ||
	    mkdir(path_of("state/outcomes"), 0750) != 0)
		tap_diag("no state directory");
}

static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p++)
		if ((p == text || p[-1] == '\n') && p[len] == '\n')
			return true;
	tap_diag("no line \"%s\" in:\n%s", line, text);
	return false;
}

static void
record_two_days(void)
{
	struct sts_outcome failed =
	    session("a.example", STS_RESULT_CERTIFICATE_EXPIRED);

	begin();
	record(today - 1, session("b.example", STS_RESULT_NONE), 3);
	record(today, session("a.example", STS_RESULT_NONE), 990);
	record(today, failed, 8);
	snprintf(failed.reason, sizeof(failed.reason), "chain");
	snprintf(failed.additional, sizeof(failed.additional), "at depth 1");
	failed.result = STS_RESULT_CERTIFICATE_NOT_TRUSTED;
	failed.helo[0] = failed.receiving_ip[0] = '\0';
	record(today, failed, 2);
	record(today, session("b.example", STS_RESULT_NONE), 5);
	/* A failed fetch is no session. */
	failed = session("c.example", STS_RESULT_STS_POLICY_FETCH_ERROR);
	failed.mx[0] = '\0';
	record(today, failed, 1);
}

static void
test_text(void)
{
	char line[200];
	struct ran ran;

	record_two_days();
	ran = run_tool("-f", conf, "report", "show", NULL);
	is_int(ran.code, STS_EXIT_OK, "two days are shown");
	is_str(ran.err, "", "nothing is wrong");
	snprintf(line, sizeof(line),
	    "%s                       successful       failed       rate",
	    text_of(today - 1));
	ok(has_line(ran.out, line), "yesterday");
	snprintf(line, sizeof(line),
	    "%s (so far)              successful       failed       rate",
	    text_of(today));
	ok(has_line(ran.out, line), "and today, which is not over");
	ok(has_line(ran.out,
	       "b.example                                 "
	       "3            0   100.00 %"),
	    "a domain without a failure");
	ok(has_line(ran.out,
	       "a.example                               "
	       "990           10    99.00 %"),
	    "a domain with failures");
	ok(has_line(ran.out,
	       "           8 certificate-expired, sts, mx1.example.net "
	       "[192.0.2.1] from [198.51.100.1]"),
	    "what failed, under which policy, at which host");
	ok(has_line(ran.out,
	       "           2 certificate-not-trusted, sts, mx1.example.net "
	       "from [198.51.100.1], chain: at depth 1"),
	    "and why");
	ok(has_line(ran.out,
	       "all                                     "
	       "995           10    99.00 %"),
	    "the sum of a day with two domains");
	ok(strstr(ran.out, "c.example") == NULL, "a failed fetch is none");
	ok(strstr(ran.out, "a.example ") < strstr(ran.out, "\nb.example   ") ||
		strstr(ran.out, "so far") < strstr(ran.out, "a.example "),
	    "most failures first");
	ran_free(&ran);
}

static void
test_domain(void)
{
	struct ran ran =
	    run_tool("-f", conf, "report", "show", "u@B.example.", NULL);

	is_int(ran.code, STS_EXIT_OK, "one domain, by a mail address");
	ok(strstr(ran.out, "a.example") == NULL, "no other one is shown");
	ok(strstr(ran.out, "all  ") == NULL, "nor a sum");
	ran_free(&ran);
	ran = run_tool("-f", conf, "report", "show", "d.example", NULL);
	is_int(ran.code, STS_EXIT_NO, "a domain without a session");
	ok(strstr(ran.err, "no session to d.example was recorded from ") !=
		NULL,
	    "is named: %s", ran.err);
	is_str(ran.out, "", "and nothing is printed");
	ran_free(&ran);
	ran = run_tool("-f", conf, "report", "show", "not a domain", NULL);
	is_int(ran.code, STS_EXIT_USAGE, "what is no domain");
	ran_free(&ran);
}

/* How a --date ends. */
static void
dated(const char *date, int code)
{
	struct ran ran =
	    run_tool("-f", conf, "report", "show", "--date", date, NULL);

	is_int(ran.code, code, "--date %s", date);
	ran_free(&ran);
}

static void
test_date(void)
{
	char range[40];
	struct ran ran = run_tool(
	    "-f", conf, "report", "show", "--date", text_of(today - 1), NULL);

	is_int(ran.code, STS_EXIT_OK, "--date yesterday");
	ok(strstr(ran.out, "so far") == NULL, "today is not shown");
	ran_free(&ran);
	dated(text_of(today - 2), STS_EXIT_NO);
	snprintf(
	    range, sizeof(range), "%s..%s", text_of(today - 7), text_of(today));
	dated(range, STS_EXIT_OK);
	dated("1970-01-01..9999-12-31", STS_EXIT_OK);
	dated("yesterday", STS_EXIT_USAGE);
}

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static void
is_day_of_json(const json_t *day)
{
	const json_t *a = json_array_get(json_object_get(day, "domains"), 0);
	const json_t *policy =
	    json_array_get(json_object_get(a, "policies"), 0);
	const json_t *failures = json_object_get(policy, "failures");
	const json_t *failure = NULL;
	size_t i;

	is_str(text(day, "day"), text_of(today), "its day");
	is_int(number(day, "successful"), 995, "its successes");
	is_int(number(day, "failed"), 10, "its failures");
	is_int(
	    (long long)(json_real_value(json_object_get(day, "success_rate")) *
		    1000 +
		0.5),
	    99004, "its rate");
	is_str(text(a, "policy_domain"), "a.example", "a domain");
	is_str(text(policy, "policy_type"), "sts", "its policy's type");
	is_str(text(policy, "fetched"), "2026-11-22T00:00:00Z",
	    "when it was fetched");
	is_int(number(policy, "successful"), 990, "sessions under it");
	is_int(number(policy, "failed"), 10, "and those that failed");
	is_int((long long)json_array_size(failures), 2, "in two ways");
	json_array_foreach(
	    failures, i, failure) if (number(failure, "sessions") == 2) break;
	is_str(text(failure, "result_type"), "certificate-not-trusted", "type");
	is_str(text(failure, "receiving_mx_hostname"), "mx1.example.net", "MX");
	is_str(text(failure, "sending_mta_ip"), "198.51.100.1", "our address");
	is_str(text(failure, "failure_reason_code"), "chain", "reason");
	is_str(text(failure, "additional_information"), "at depth 1", "more");
	ok(json_is_null(json_object_get(failure, "receiving_ip")) &&
		json_is_null(json_object_get(failure, "receiving_mx_helo")),
	    "null for what is unknown");
}

static void
test_json(void)
{
	struct ran ran = run_tool("-f", conf, "report", "show", "--json", NULL);
	json_t *root = json_loads(ran.out, 0, NULL);

	ok(root != NULL, "--json prints JSON: %s", ran.out);
	is_int((long long)json_array_size(json_object_get(root, "days")), 2,
	    "two days");
	is_day_of_json(json_array_get(json_object_get(root, "days"), 1));
	json_decref(root);
	ran_free(&ran);
	ran =
	    run_tool("-f", conf, "report", "show", "--json", "d.example", NULL);
	root = json_loads(ran.out, 0, NULL);
	is_int(ran.code, STS_EXIT_NO, "--json without a session");
	ok(root != NULL && json_array_size(json_object_get(root, "days")) == 0,
	    "is an empty list: %s", ran.out);
	json_decref(root);
	ran_free(&ran);
}

/* More domains, and more kinds of failure, than a table has. */
static void
test_many(void)
{
	struct sts_outcome failed =
	    session("many.example", STS_RESULT_VALIDATION_FAILURE);
	char name[60];
	struct ran ran;

	begin();
	for (int i = 1; i <= DOMAINS; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		record(today, session(name, STS_RESULT_CERTIFICATE_EXPIRED), i);
		snprintf(failed.mx, sizeof(failed.mx), "mx%02d.example", i);
		record(today, failed, 1);
	}
	ran = run_tool("-f", conf, "report", "show", NULL);
	ok(strstr(ran.out, "\nmany.example") != NULL &&
		strstr(ran.out, "\nd50.example") != NULL &&
		strstr(ran.out, "\nd32.example") != NULL,
	    "the domains with the most failures: %s", ran.out);
	ok(strstr(ran.out, "\nd31.example") == NULL, "and no more than 20");
	ok(has_line(ran.out, "(31 more domains)"), "the others are counted");
	ok(has_line(ran.out, "  (45 more kinds of failure)"),
	    "so are failures of one domain beyond 5");
	ok(has_line(ran.out,
	       "all                                       "
	       "0         1325     0.00 %"),
	    "all are in the sum");
	ok(strstr(ran.out, "\nd50.example") < strstr(ran.out, "\nd49.example"),
	    "most failures first");
	ran_free(&ran);
	ran = run_tool("-f", conf, "report", "show", "many.example", NULL);
	ok(strstr(ran.out, "mx01.example") != NULL &&
		strstr(ran.out, "mx50.example") != NULL &&
		strstr(ran.out, "more") == NULL,
	    "of one domain each failure is shown");
	ran_free(&ran);
}

/* What a host has said cannot move a cursor. */
static void
test_escapes(void)
{
	struct sts_outcome failed =
	    session("a.example", STS_RESULT_CERTIFICATE_EXPIRED);
	struct ran ran;

	begin();
	snprintf(failed.additional, sizeof(failed.additional), "\033[2J");
	record(today, failed, 1);
	ran = run_tool("-f", conf, "report", "show", NULL);
	ok(strchr(ran.out, '\033') == NULL &&
		strstr(ran.out, "\\x1b[2J") != NULL,
	    "control characters are escaped: %s", ran.out);
	ran_free(&ran);
}

static void
test_nothing(void)
{
	struct ran ran;

	begin();
	ran = run_tool("-f", conf, "report", "show", NULL);
	is_int(ran.code, STS_EXIT_NO, "no file at all");
	ok(strstr(ran.err,
	       "; only sessions with domains that want reports are") != NULL,
	    "what is recorded is said: %s", ran.err);
	ran_free(&ran);
	ran = run_tool("-f", off, "report", "show", NULL);
	ok(strstr(ran.err, "once organization and contact are set") != NULL,
	    "or that nothing is: %s", ran.err);
	ran_free(&ran);
	record(today, session("a.example", STS_RESULT_NONE), 1);
	ran = run_tool("-f", off, "report", "show", NULL);
	is_int(ran.code, STS_EXIT_OK,
	    "what was recorded before reporting was switched off is shown");
	ran_free(&ran);
}

static void
test_faults(void)
{
	char name[60];
	struct ran ran;

	begin();
	record(today, session("a.example", STS_RESULT_NONE), 1);
	snprintf(name, sizeof(name), "state/outcomes/%s", text_of(today - 1));
	if (symlink("/dev/zero", path_of(name)) != 0)
		tap_diag("no link");
	ran = run_tool("-f", conf, "report", "show", NULL);
	is_int(ran.code, STS_EXIT_OUTSIDE, "a link in place of a day's file");
	ok(strstr(ran.err, text_of(today - 1)) != NULL, "is named: %s",
	    ran.err);
	ran_free(&ran);
	ran = run_tool("-f", path_of("none.conf"), "report", "show", NULL);
	is_int(ran.code, STS_EXIT_OUTSIDE, "no configuration");
	ran_free(&ran);
}

int
main(void)
{
	char command[PATH_BYTES];

	if (!tap_own_directory(top))
		return 1;
	today = time(NULL) / STS_DAY;
	put_conf(conf, "on.conf", "organization X\ncontact tls@x.example\n");
	put_conf(off, "off.conf", "");
	test_text();
	test_domain();
	test_date();
	test_json();
	test_many();
	test_escapes();
	test_nothing();
	test_faults();
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s failed", command);
	return tap_done();
}
