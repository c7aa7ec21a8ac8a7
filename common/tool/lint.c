/* SPDX-License-Identifier: ISC */
/*
 * Checks what a domain publishes, without a network: a policy body, and the two
 * kinds of TXT record.  Remarks are "FILE:LINE: reason (token)", with the value
 * and the cause if they can be determined.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "core/policy.h"
#include "core/record.h"
#include "tool/lint.h"
#include "tool/out.h"
#include "tool/tool.h"

enum { SHOWN_MAX = 100 }; /* bytes of a value */

struct input {
	const char *name; /* as given; "-" for standard input */
	char *bytes;
	size_t len;     /* STS_BODY_MAX + 1 if there is more */
	unsigned lines; /* at least 1 */
};

/* Reads the input, up to one byte beyond the limit. */
static bool
read_bounded(int fd, struct input *input)
{
	const size_t size = STS_BODY_MAX + 1;

	while (input->len < size) {
		ssize_t got =
		    read(fd, input->bytes + input->len, size - input->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		input->len += (size_t)got;
	}
	return true;
}

/* Reading 64 KiB again is cheap. */
static void
count_lines(struct input *input)
{
	struct sts_cursor c = sts_cursor_make(input->bytes, input->len);
	struct sts_span line;

	while (sts_cursor_line(&c, &line))
		input->lines++;
	if (input->lines == 0)
		input->lines = 1;
}

/* Reads the file of the operand.  The caller frees input->bytes. */
static int
read_input(struct sts_tool *tool, struct input *input)
{
	bool is_stdin;
	int fd;
	int code = STS_EXIT_OK;

	memset(input, 0, sizeof(*input));
	input->name = tool->operand_count > 0 ? tool->operand[0] : "-";
	is_stdin = strcmp(input->name, "-") == 0;
	input->bytes = malloc(STS_BODY_MAX + 1);
	if (input->bytes == NULL)
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	fd = is_stdin ? STDIN_FILENO : open(input->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !read_bounded(fd, input))
		code = sts_tool_outside(
		    tool, "%s: %s", input->name, strerror(errno));
	if (fd >= 0 && !is_stdin)
		(void)close(fd);
	count_lines(input);
	return code;
}

struct remarks {
	struct sts_tool *tool;
	const struct input *input;
	bool errors;
};

/* FILE:LINE: [warning: ]TEXT (TOKEN)[: "VALUE"][: CAUSE] */
static void
print_remark(struct remarks *remarks, unsigned line, bool error,
    const char *text, const char *token, struct sts_span value,
    const char *cause)
{
	FILE *err = remarks->tool->err;

	sts_escape_write(
	    err, remarks->input->name, strlen(remarks->input->name));
	(void)fprintf(err, ":%u: %s", line, error ? "" : "warning: ");
	sts_escape_write(err, text, strlen(text));
	(void)fprintf(err, " (%s)", token);
	if (value.len > 0) {
		(void)fputs(": \"", err);
		sts_escape_write(err, value.p,
		    value.len > SHOWN_MAX ? SHOWN_MAX : value.len);
		(void)fputs(value.len > SHOWN_MAX ? "...\"" : "\"", err);
	}
	if (cause[0] != '\0') {
		(void)fputs(": ", err);
		sts_escape_write(err, cause, strlen(cause));
	}
	(void)putc('\n', err);
	if (error)
		remarks->errors = true;
}

/* The text of a line, from 1; empty if there is none. */
static struct sts_span
line_text(const struct input *input, unsigned line)
{
	struct sts_cursor c = sts_cursor_make(input->bytes, input->len);
	struct sts_span text = {input->bytes, 0};

	while (line > 0 && sts_cursor_line(&c, &text))
		line--;
	if (line > 0)
		text.len = 0;
	return text;
}

/* Without value and cause. */
static void
remark_plainly(struct remarks *remarks, unsigned line, enum sts_status reason,
    const char *cause)
{
	print_remark(remarks, line, true, sts_status_text(reason),
	    sts_status_name(reason), (struct sts_span){"", 0}, cause);
}

/*
 * A remark about the whole file is shown for the line that was probably meant,
 * for the first if it concerns the beginning, else for the last.
 */
static void
remark(void *arg, unsigned line, enum sts_status reason, bool error)
{
	struct remarks *remarks = arg;
	const struct input *input = remarks->input;
	struct sts_span value = {"", 0};
	char cause[STS_CAUSE_BYTES] = "";

	if (line > 0)
		sts_lint_policy_cause(
		    reason, line_text(input, line), &value, cause);
	else if (reason == STS_POLICY_BOM || reason == STS_POLICY_EMPTY)
		line = 1;
	else
		line = sts_lint_meant_line(
		    reason, input->bytes, input->len, cause);
	if (reason == STS_POLICY_BOM)
		(void)snprintf(cause, sizeof(cause),
		    "save the file as UTF-8 without a byte order mark");
	print_remark(remarks, line > 0 ? line : input->lines, error,
	    sts_status_text(reason), sts_status_name(reason), value, cause);
}

static void
advise(void *arg, unsigned line, const char *text, const char *token)
{
	print_remark(
	    arg, line, false, text, token, (struct sts_span){"", 0}, "");
}

/* As sts_policy_mx_next returns them: lower case, with duplicates. */
static void
print_policy(FILE *out, const struct sts_policy *policy)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	(void)fprintf(out, "mode=%s\nmax_age=%lld\n",
	    sts_mode_name(policy->mode), (long long)policy->max_age);
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		(void)fputs("mx=", out);
		sts_escape_write(out, pattern, strlen(pattern));
		(void)putc('\n', out);
	}
}

int
sts_tool_lint_policy(struct sts_tool *tool)
{
	struct input input;
	struct remarks remarks = {tool, &input, false};
	struct sts_policy policy;
	enum sts_status status;
	int code = read_input(tool, &input);

	if (code != STS_EXIT_OK)
		goto out;
	status =
	    sts_policy_parse(&policy, input.bytes, input.len, remark, &remarks);
	if (status == STS_OK) {
		sts_lint_advise(
		    input.bytes, input.len, &policy, advise, &remarks);
		print_policy(tool->out, &policy);
	} else {
		if (!remarks.errors)
			remark(&remarks, 0, status, true);
		code = STS_EXIT_NO;
	}
out:
	free(input.bytes);
	return code;
}

/* A record set: one record in each line, joined from its strings. */
struct record_set {
	struct sts_span *records;
	unsigned *lines; /* of each record */
	size_t count;
	char *joined; /* to which the spans point */
};

/* Harmless if zeroed. */
static void
free_records(struct record_set *set)
{
	free(set->records);
	free(set->lines);
	free(set->joined);
}

/* A joined record is never longer than its line. */
static bool
allocate_records(struct record_set *set, const struct input *input)
{
	memset(set, 0, sizeof(*set));
	set->records = calloc(input->lines, sizeof(*set->records));
	set->lines = calloc(input->lines, sizeof(*set->lines));
	set->joined = malloc(input->len + 1);
	return set->records != NULL && set->lines != NULL &&
	    set->joined != NULL;
}

/*
 * Reports lines that are no record, and leaves them out; the rest is checked
 * only if there were none.
 */
static void
unquote_lines(struct record_set *set, struct remarks *remarks)
{
	const struct input *input = remarks->input;
	struct sts_cursor c = sts_cursor_make(input->bytes, input->len);
	struct sts_span line;
	size_t used = 0;

	for (unsigned number = 1; sts_cursor_line(&c, &line); number++) {
		char cause[STS_CAUSE_BYTES];
		size_t len;
		enum sts_status status = sts_lint_read_record(line,
		    set->joined + used, input->len + 1 - used, &len, cause);

		if (status != STS_OK) {
			remark_plainly(remarks, number, status, cause);
			continue;
		}
		set->records[set->count].p = set->joined + used;
		set->records[set->count].len = len;
		set->lines[set->count++] = number;
		used += len;
	}
}

/* What the linter needs of both kinds of record. */
typedef enum sts_status check_records(
    const struct sts_span *records, size_t count, FILE *out);

/* RFC 8461 3.1.  Prints nothing if `out` is NULL. */
static enum sts_status
check_sts(const struct sts_span *records, size_t count, FILE *out)
{
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_record_sts(records, count, id);

	if (status == STS_OK && out != NULL)
		(void)fprintf(out, "id=%s\n", id);
	return status;
}

/* RFC 8460 3, in the same way. */
static enum sts_status
check_tlsrpt(const struct sts_span *records, size_t count, FILE *out)
{
	struct sts_rua_list list;
	enum sts_status status = sts_record_tlsrpt(records, count, &list);

	if (status != STS_OK || out == NULL)
		return status;
	for (size_t i = 0; i < list.count; i++) {
		(void)fputs("rua=", out);
		sts_escape_write(out, list.uri[i].p, list.uri[i].len);
		(void)putc('\n', out);
	}
	return status;
}

/* What differs between the two kinds of record. */
struct kind {
	check_records *check;
	const char *version;
	const char *field;
	const char *name; /* of the record, below a domain */
};

/*
 * Reports the last line whose record is of this kind, or resembles one; else
 * the last line.
 */
static void
remark_record(struct remarks *remarks, const struct record_set *set,
    const struct kind *kind, enum sts_status reason)
{
	char cause[STS_CAUSE_BYTES] = "";
	size_t fault = set->count;

	while (fault > 0 &&
	    kind->check(&set->records[fault - 1], 1, NULL) == STS_NO_RECORD)
		fault--;
	for (size_t i = set->count; fault == 0 && i > 0; i--) {
		if (sts_lint_record_cause(
			set->records[i - 1], kind->version, kind->field, cause))
			fault = i;
	}
	if (fault > 0 && reason != STS_RECORD_MULTIPLE)
		(void)sts_lint_record_cause(
		    set->records[fault - 1], kind->version, kind->field, cause);
	remark_plainly(remarks,
	    fault > 0 ? set->lines[fault - 1] : remarks->input->lines, reason,
	    cause);
}

/* A right record in a wrong place, such as "mta-sts IN TXT ...", is never
 * found. */
static void
advise_names(struct remarks *remarks, const struct record_set *set,
    const struct kind *kind)
{
	const struct input *input = remarks->input;
	struct sts_cursor c = sts_cursor_make(input->bytes, input->len);
	struct sts_span line, name;
	char text[STS_CAUSE_BYTES];
	size_t i = 0;

	(void)snprintf(text, sizeof(text),
	    "senders ask for this record at %s.DOMAIN", kind->name);
	for (unsigned number = 1; i < set->count && sts_cursor_line(&c, &line);
	     number++) {
		if (set->lines[i] != number)
			continue;
		if (kind->check(&set->records[i++], 1, NULL) != STS_NO_RECORD &&
		    !sts_lint_record_name(line, kind->name, &name))
			print_remark(remarks, number, false, text,
			    "lint_record_name", name, "");
	}
}

/*
 * The lines are one record set, as the DNS would return it: other records in it
 * are no fault, two of this kind are.
 */
static int
lint_records(struct sts_tool *tool, const struct kind *kind)
{
	struct input input;
	struct remarks remarks = {tool, &input, false};
	struct record_set set = {0};
	enum sts_status status;
	int code = read_input(tool, &input);

	if (code != STS_EXIT_OK)
		goto out;
	if (!allocate_records(&set, &input)) {
		code = sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
		goto out;
	}
	unquote_lines(&set, &remarks);
	if (input.len > STS_BODY_MAX)
		remark_plainly(&remarks, input.lines, STS_BAD_LINE,
		    "there is more than 64 KiB");
	if (!remarks.errors) {
		status = kind->check(set.records, set.count, tool->out);
		if (status != STS_OK)
			remark_record(&remarks, &set, kind, status);
		else
			advise_names(&remarks, &set, kind);
	}
	if (remarks.errors)
		code = STS_EXIT_NO;
out:
	free_records(&set);
	free(input.bytes);
	return code;
}

int
sts_tool_lint_sts(struct sts_tool *tool)
{
	static const struct kind kind = {
	    check_sts, "v=STSv1", "id", "_mta-sts"};

	return lint_records(tool, &kind);
}

int
sts_tool_lint_tlsrpt(struct sts_tool *tool)
{
	static const struct kind kind = {
	    check_tlsrpt, "v=TLSRPTv1", "rua", "_smtp._tls"};

	return lint_records(tool, &kind);
}
