/* SPDX-License-Identifier: ISC */
/*
 * Checking what a domain publishes, without a network: a policy body, and the
 * two kinds of TXT record.  Remarks are "FILE:LINE: reason (token)".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "core/policy.h"
#include "core/record.h"
#include "tool/out.h"
#include "tool/tool.h"

struct input {
	const char *name; /* as given; "-" for standard input */
	char *bytes;
	size_t len;     /* STS_BODY_MAX + 1 where there is more */
	unsigned lines; /* at least 1 */
};

/* Reads what there is, one byte beyond the bound at most. */
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

/* Reading them once more is cheap, at 64 KiB. */
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

/* The file that the operand names.  The caller frees input->bytes. */
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

/* What concerns the whole file is said of its last line, where it showed. */
static void
remark(void *arg, unsigned line, enum sts_status reason, bool error)
{
	struct remarks *remarks = arg;
	FILE *err = remarks->tool->err;

	(void)fprintf(err, "%s:%u: %s%s (%s)\n", remarks->input->name,
	    line > 0 ? line : remarks->input->lines,
	    error ? "" : "warning: ", sts_status_text(reason),
	    sts_status_name(reason));
	if (error)
		remarks->errors = true;
}

/* As sts_policy_mx_next gives them: lower case, duplicates kept. */
static void
print_policy(FILE *out, const struct sts_policy *policy)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	(void)fprintf(out, "mode=%s\nmax_age=%lld\n",
	    sts_mode_name(policy->mode), (long long)policy->max_age);
	while (sts_policy_mx_next(policy, &walk, pattern)) {
		(void)fputs("mx=", out);
		sts_out_escaped(out, pattern, strlen(pattern));
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

/* A record set: one record a line, each joined from its strings. */
struct record_set {
	struct sts_span *records;
	unsigned *lines; /* of each record */
	size_t count;
	char *joined; /* the bytes that the spans borrow */
};

/* Harmless on a zeroed set. */
static void
free_records(struct record_set *set)
{
	free(set->records);
	free(set->lines);
	free(set->joined);
}

/* Joined, a record is never longer than its line. */
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
 * A line that is no record is said so at once and left out; what remains is
 * judged only if there was none.
 */
static void
unquote_lines(struct record_set *set, struct remarks *remarks)
{
	const struct input *input = remarks->input;
	struct sts_cursor c = sts_cursor_make(input->bytes, input->len);
	struct sts_span line;
	size_t used = 0;

	for (unsigned number = 1; sts_cursor_line(&c, &line); number++) {
		size_t len;
		enum sts_status status = sts_record_unquote(
		    line, set->joined + used, input->len + 1 - used, &len);

		if (status != STS_OK) {
			remark(remarks, number, status, true);
			continue;
		}
		set->records[set->count].p = set->joined + used;
		set->records[set->count].len = len;
		set->lines[set->count++] = number;
		used += len;
	}
}

/* What the two kinds of record have in common for the linter. */
typedef enum sts_status check_records(
    const struct sts_span *records, size_t count, FILE *out);

/* RFC 8461 3.1.  Nothing is printed where `out` is NULL. */
static enum sts_status
check_sts(const struct sts_span *records, size_t count, FILE *out)
{
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_record_sts(records, count, id);

	if (status == STS_OK && out != NULL)
		(void)fprintf(out, "id=%s\n", id);
	return status;
}

/* RFC 8460 3, in the same form. */
static enum sts_status
check_tlsrpt(const struct sts_span *records, size_t count, FILE *out)
{
	struct sts_rua_list list;
	enum sts_status status = sts_record_tlsrpt(records, count, &list);

	if (status != STS_OK || out == NULL)
		return status;
	for (size_t i = 0; i < list.count; i++) {
		(void)fputs("rua=", out);
		sts_out_escaped(out, list.uri[i].p, list.uri[i].len);
		(void)putc('\n', out);
	}
	return status;
}

/* The last line whose record is one of this kind; 0 where there is none. */
static unsigned
line_at_fault(const struct record_set *set, check_records *check)
{
	for (size_t i = set->count; i > 0; i--) {
		if (check(&set->records[i - 1], 1, NULL) != STS_NO_RECORD)
			return set->lines[i - 1];
	}
	return 0;
}

/*
 * The lines are taken as the record set of one name, as the DNS would give
 * it: other records in it are nothing wrong, two of this kind are.
 */
static int
lint_records(struct sts_tool *tool, check_records *check)
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
		remark(&remarks, 0, STS_BAD_LINE, true);
	if (!remarks.errors) {
		status = check(set.records, set.count, tool->out);
		if (status != STS_OK)
			remark(
			    &remarks, line_at_fault(&set, check), status, true);
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
	return lint_records(tool, check_sts);
}

int
sts_tool_lint_tlsrpt(struct sts_tool *tool)
{
	return lint_records(tool, check_tlsrpt);
}
