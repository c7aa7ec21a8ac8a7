/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report read` and mail that was made to do harm: what it may take of
 * memory, and what is said of what is over a bound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "report/message.h"
#include "report/report.h"
#include "report/summary.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"
#include "tests/unit/lib/tap_tool.h"
#include "tool/tool.h"

enum {
	PATH_BYTES = 200,
	ANSWER_BYTES = 8 * 1024 * 1024,
	LITTLE_MIB = 24, /* too little for one report of 10 MiB */
	MEMORY_MIB = 256 /* of the command */
};

static char top[] = "/tmp/mta-sts-report-bounds.XXXXXX";

/* What a report is made of: many policies, or one with many MX hosts. */
struct made {
	const char *id;
	unsigned domains, hosts;
	unsigned organization; /* bytes of it and of the id */
	const char *names;     /* of domains and hosts, behind a number */
	size_t blanks;         /* behind the JSON */
};

static const char *
path_of(const char *name)
{
	return path_in(top, name);
}

static void
fill(FILE *out, char byte, size_t count)
{
	while (count-- > 0)
		putc(byte, out);
}

static void
write_hosts(FILE *out, const struct made *made)
{
	for (unsigned i = 0; i < made->hosts; i++)
		fprintf(out,
		    "%s{\"result-type\": \"certificate-expired\", "
		    "\"receiving-mx-hostname\": \"mx%u%s\", "
		    "\"failed-session-count\": 1}",
		    i > 0 ? "," : "", i, made->names);
}

static char *
report_json(const struct made *made, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	fputs("{\"organization-name\": \"o", out);
	fill(out, 'o', made->organization);
	fprintf(out, "\", \"report-id\": \"%s", made->id);
	fill(out, 'i', made->organization);
	fputs("\", \"date-range\": {\"start-datetime\": "
	      "\"2026-11-01T00:00:00Z\", \"end-datetime\": "
	      "\"2026-11-01T23:59:59Z\"}, \"policies\": [",
	    out);
	for (unsigned i = 0; i < made->domains; i++) {
		fprintf(out,
		    "%s{\"policy\":{\"policy-type\":\"sts\","
		    "\"policy-domain\":\"d%u%s\"},\"summary\":"
		    "{\"total-successful-session-count\":1,"
		    "\"total-failure-session-count\":%u},"
		    "\"failure-details\":[",
		    i > 0 ? "," : "", i, made->names, made->hosts);
		write_hosts(out, made);
		fputs("]}", out);
	}
	fputs("]}", out);
	fill(out, ' ', made->blanks);
	fclose(out);
	return text;
}

/* A mail with these reports, compressed; with a wrong checksum each. */
static bool damaged;

static void
put_mail(const char *name, const struct made *made, size_t count)
{
	FILE *out = fopen(path_of(name), "w");

	fputs(
	    "From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n",
	    out);
	for (size_t i = 0; i < count; i++) {
		size_t len, packed_len;
		char *json = report_json(&made[i], &len);
		char *packed = gzip_bytes(json, len, &packed_len);
		char *text;

		packed[packed_len - 8] ^= damaged ? 1 : 0;
		text = base64_text(packed, packed_len);
		fprintf(out,
		    "--b\nContent-Type: application/tlsrpt+gzip\n"
		    "Content-Transfer-Encoding: base64\n\n%s\n",
		    text);
		free(text);
		free(packed);
		free(json);
	}
	fputs("--b--\n", out);
	fclose(out);
}

/* What a process said and took that read a file. */
struct answer {
	int code;
	long kib; /* at its peak */
	rlim_t data;
	char out[ANSWER_BYTES], err[ANSWER_BYTES];
};

static void
take(const char *name, char text[ANSWER_BYTES])
{
	FILE *in = fopen(path_of(name), "r");
	size_t len = in != NULL ? fread(text, 1, ANSWER_BYTES - 1, in) : 0;

	text[len] = '\0';
	if (in != NULL)
		fclose(in);
}

static void
limit_data(unsigned mib)
{
	struct rlimit limit = {(rlim_t)mib << 20, (rlim_t)mib << 20};

	if (mib > 0 && setrlimit(RLIMIT_DATA, &limit) != 0)
		_exit(99);
}

/* The child; what it left as its limit is the last of its output. */
static void
read_here(const char *first, const char *second, unsigned mib)
{
	static char words[6][PATH_BYTES] = {
	    "mta-sts", "report", "read", "--json"};
	char *argv[7] = {words[0], words[1], words[2], words[3]};
	FILE *out = fopen(path_of("out"), "w");
	FILE *err = fopen(path_of("err"), "w");
	struct rlimit limit;
	int code;

	snprintf(words[4], PATH_BYTES, "%s", path_of(first));
	snprintf(words[5], PATH_BYTES, "%s", second ? path_of(second) : "");
	argv[4] = words[4];
	argv[5] = second != NULL ? words[5] : NULL;
	limit_data(mib);
	code = sts_tool_run(second != NULL ? 6 : 5, argv, out, err);
	getrlimit(RLIMIT_DATA, &limit);
	fprintf(out, "limit %llu\n", (unsigned long long)limit.rlim_cur);
	fclose(out);
	fclose(err);
	_exit(code);
}

/* Another process, since a peak does not go down again. */
static const struct answer *
read_mail(const char *first, const char *second, unsigned mib)
{
	static struct answer answer;
	struct rusage usage;
	const char *limit;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0)
		read_here(first, second, mib);
	wait4(pid, &status, 0, &usage);
	answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	answer.kib = usage.ru_maxrss;
	take("out", answer.out);
	take("err", answer.err);
	limit = strstr(answer.out, "limit ");
	answer.data = limit != NULL ? strtoull(limit + 6, NULL, 10) : 0;
	tap_diag("%s: status %d, %ld KiB, %.300s", first, answer.code,
	    answer.kib, answer.err);
	return &answer;
}

static void
is_small(const struct answer *answer, long mib, const char *what)
{
#ifndef STS_SANITIZED
	ok(answer->kib <= mib * 1024, "%s takes at most %ld MiB, not %ld", what,
	    mib, answer->kib / 1024);
#else
	(void)answer;
	(void)mib;
	(void)what;
#endif
}

/* "mta-sts: FILE: TEXT" as a line. */
static bool
says(const struct answer *answer, const char *name, const char *text)
{
	char line[2 * PATH_BYTES];

	snprintf(line, sizeof(line), "mta-sts: %s: %s\n", path_of(name), text);
	return strstr(answer->err, line) != NULL;
}

static bool
has(const struct answer *answer, const char *key, unsigned number)
{
	char text[PATH_BYTES];

	snprintf(text, sizeof(text), "\"%s\": %u,", key, number);
	return strstr(answer->out, text) != NULL;
}

/* The names that a sender wrote once are not kept once a domain. */
static void
test_long_names(void)
{
	const struct made made = {
	    "1", 10000, 0, STS_REPORT_TEXT_MAX - 1, "", 0};
	const struct answer *answer;

	put_mail("long", &made, 1);
	answer = read_mail("long", NULL, 0);
	is_int(answer->code, STS_EXIT_OK, "10000 policies under long names");
	ok(has(answer, "reports", 1) && has(answer, "successful", 10000),
	    "are counted");
	is_small(answer, 64, "reading them");
}

static void
test_many_domains(void)
{
	const struct made made = {
	    "1", 40000, 0, STS_REPORT_TEXT_MAX - 1, "", 0};
	const struct answer *answer;

	put_mail("many", &made, 1);
	answer = read_mail("many", NULL, 0);
	is_int(answer->code, STS_EXIT_OUTSIDE, "40000 policies are refused");
	ok(says(answer, "many", "has more than 10000 policy domains"),
	    "the mail and the bound are named");
	ok(has(answer, "unreadable", 1) && has(answer, "successful", 0),
	    "it is counted as unreadable, and nothing of it as anything else");
	is_small(answer, 128, "a mail with 40000 policies");
}

/* A bound is reached by what is named in `few`, and exceeded in `more`. */
static void
test_bound(const struct made *few, const struct made *more, const char *text)
{
	const struct answer *answer;

	put_mail("few", few, 1);
	put_mail("more", more, 1);
	answer = read_mail("few", NULL, 0);
	is_int(answer->code, STS_EXIT_OK, "what a report may have");
	ok(has(answer, "reports", 1) && has(answer, "unreadable", 0),
	    "is counted");
	answer = read_mail("more", NULL, 0);
	is_int(answer->code, STS_EXIT_OUTSIDE, "one more is refused");
	ok(says(answer, "more", text), "with the bound: %s", text);
	/* Of the refused one nothing stays that has the next left out. */
	answer = read_mail("more", "few", 0);
	is_int(answer->code, STS_EXIT_OK, "beside another report");
	ok(says(answer, "more", text), "it is refused");
	ok(has(answer, "reports", 1) && has(answer, "unreadable", 1) &&
		has(answer, "duplicates", 0) &&
		has(answer, "successful", few->domains),
	    "and the other one of the same id is counted alone");
	ok(strstr(answer->out, "x.example") == NULL,
	    "no name of it is in a table");
}

static void
test_bounds(void)
{
	const struct made domains = {"1", STS_SUMMARY_DOMAINS_MAX, 0, 0, "", 0};
	const struct made more_domains = {
	    "1", STS_SUMMARY_DOMAINS_MAX + 1, 0, 0, "x.example", 0};
	const struct made hosts = {"1", 1, STS_SUMMARY_HOSTS_MAX, 0, "", 0};
	const struct made more_hosts = {
	    "1", 1, STS_SUMMARY_HOSTS_MAX + 1, 0, "x.example", 0};
	const struct made again = {"2", 2, STS_SUMMARY_HOSTS_MAX, 0, "", 0};
	const struct answer *answer;

	test_bound(
	    &domains, &more_domains, "has more than 10000 policy domains");
	test_bound(&hosts, &more_hosts, "has more than 10000 new MX hosts");
	put_mail("again", &again, 1);
	answer = read_mail("few", "again", 0);
	ok(has(answer, "reports", 2) && has(answer, "failed", 30000),
	    "MX hosts of another report are no new ones");
}

/* Eleven reports of the same 10000 long names, which are also rows. */
static void
test_full(void)
{
	static char name[241];
	struct made made[6];
	const struct answer *answer;

	memset(name, 'n', sizeof(name) - 1);
	for (unsigned i = 0; i < 5; i++)
		made[i] = (struct made){&"abcde"[i], 10000, 0, 0, name, 0};
	put_mail("names", made, 5);
	for (unsigned i = 0; i < 6; i++)
		made[i] = (struct made){&"uvwxyz"[i], 10000, 0, 0, name, 0};
	put_mail("names again", made, 6);
	answer = read_mail("names", "names again", 0);
	is_int(answer->code, STS_EXIT_OUTSIDE, "names of more than 32 MiB");
	ok(strstr(answer->err, "the sums are incomplete") != NULL,
	    "the sums are not all that was there");
	ok(says(answer, "names again",
	       "does not fit: what is kept of all reports has at most 32 MiB"),
	    "the mail and the bound are named");
	ok(has(answer, "reports", 10) && has(answer, "unreadable", 1) &&
		has(answer, "successful", 100000),
	    "what has no room is counted, and what had is in the sums");
	is_small(answer, 100, "reading them");
}

/* The parts of a mail together. */
static void
test_unpacked(void)
{
	const size_t most = STS_REPORT_JSON_MAX;
	struct made made[5];
	const struct answer *answer;

	for (unsigned i = 0; i < 5; i++)
		made[i] =
		    (struct made){&"abcde"[i], 1, 0, 0, "", most - (most / 16)};
	put_mail("bomb", made, 5);
	answer = read_mail("bomb", NULL, 0);
	ok(says(answer, "bomb",
	       "the mail has more than 32 MiB when it is unpacked"),
	    "five parts of more than 32 MiB together");
	ok(has(answer, "reports", 3) && has(answer, "unreadable", 2),
	    "three are counted, and each of the others as unreadable");
	answer = read_mail("few", "bomb", 0);
	ok(has(answer, "reports", 4), "other mails are read");
	damaged = true;
	put_mail("damaged", made, 5);
	damaged = false;
	answer = read_mail("few", "damaged", 0);
	ok(says(answer, "damaged", "its compressed data are damaged") &&
		says(answer, "damaged",
		    "the mail has more than 32 MiB when it is unpacked"),
	    "what turns out to be damaged counts, too");
	ok(has(answer, "reports", 1) && has(answer, "unreadable", 5),
	    "none of it is read");
}

/* A line each would fill a log. */
static void
test_twice(void)
{
	const struct made made[] = {
	    {"t", 100, 0, 0, "", 0}, {"t", 100, 0, 0, "", 0}};
	const struct answer *answer;
	unsigned lines = 0;

	put_mail("twice", made, 2);
	answer = read_mail("twice", NULL, 0);
	for (const char *p = answer->err; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	is_int(lines, 21, "twenty of a report that was counted are named");
	ok(says(answer, "twice", "80 more have been counted before"),
	    "and the others counted");
}

/* The last line of defence. */
static void
test_memory(void)
{
	const struct answer *answer = read_mail("few", NULL, 0);

	(void)answer;
#ifndef STS_SANITIZED
	ok(answer->data <= (rlim_t)MEMORY_MIB << 20,
	    "the command may take 256 MiB of memory");
	answer = read_mail("many", NULL, LITTLE_MIB);
	is_int(answer->code, STS_EXIT_OUTSIDE, "in too little memory");
	ok(says(answer, "many", "no memory"), "the mail is named");
	ok(has(answer, "unreadable", 1), "and counted");
#endif
}

/* A mail in a mail in a mail. */
static void
test_forwarded(void)
{
	FILE *out = fopen(path_of("forwarded"), "w");
	const struct made made = {"1", 1, 0, 0, "", 0};
	const struct answer *answer;
	size_t len;
	char *json = report_json(&made, &len);

	for (unsigned i = 0; i < STS_MESSAGE_DEPTH_MAX; i++)
		fputs("Content-Type: message/rfc822\n"
		      "Content-Transfer-Encoding: quoted-printable\n\n",
		    out);
	fputs("Content-Type: application/tlsrpt+json\n\n", out);
	fputs(json, out);
	fill(out, '\n', STS_MESSAGE_MAX / 2);
	fclose(out);
	free(json);
	answer = read_mail("forwarded", NULL, 0);
	is_int(answer->code, STS_EXIT_OUTSIDE, "a mail in seven mails");
	ok(says(answer, "forwarded",
	       "the mail has more than 32 MiB when it is unpacked"),
	    "is refused where all of them have more than 32 MiB");
	is_small(answer, 80, "reading them");
}

int
main(void)
{
	char command[PATH_BYTES];

	if (!tap_own_directory(top))
		return 1;
	test_long_names();
	test_many_domains();
	test_bounds();
	test_full();
	test_unpacked();
	test_twice();
	test_forwarded();
	test_memory();
	snprintf(command, sizeof(command), "rm -rf %s", top);
	if (system(command) != 0)
		tap_diag("%s failed", command);
	return tap_done();
}
