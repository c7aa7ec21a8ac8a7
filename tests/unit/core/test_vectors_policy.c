/* SPDX-License-Identifier: ISC */
/*
 * Every row of tests/vectors/policy.tsv: accepted with exactly these values
 * and no warning, accepted with a warning, or rejected.  Each body ends at a
 * page that cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "tests/unit/lib/tap.h"

enum { ROWS_AT_LEAST = 103, VALUES_MAX = 4096 };

struct notes {
	unsigned warnings, errors;
};

static void
count_note(void *arg, unsigned line, enum sts_status reason, bool error)
{
	struct notes *notes = arg;

	(void)line;
	(void)reason;
	if (error)
		notes->errors++;
	else
		notes->warnings++;
}

/* The bodies that are too long for a row stand in files of their own. */
static size_t
read_body(const char *id, char **body)
{
	char path[64];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "tests/vectors/%s.input", id);
	file = fopen(path, "rb");
	*body = malloc(STS_BODY_MAX * 2);
	if (file == NULL || *body == NULL) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	len = fread(*body, 1, STS_BODY_MAX * 2, file);
	fclose(file);
	return len;
}

/* mode=...;max_age=...;mx=a,b as the rows have it. */
static void
format_values(const struct sts_policy *policy, char out[VALUES_MAX])
{
	char pattern[STS_PATTERN_MAX + 1];
	struct sts_mx_walk walk = {0};
	size_t used = (size_t)snprintf(out, VALUES_MAX,
	    "mode=%s;max_age=%lld;mx=", sts_mode_name(policy->mode),
	    (long long)policy->max_age);
	bool first = true;

	while (
	    sts_policy_mx_next(policy, &walk, pattern) && used < VALUES_MAX) {
		used += (size_t)snprintf(out + used, VALUES_MAX - used, "%s%s",
		    first ? "" : ",", pattern);
		first = false;
	}
}

static void
check_row(const char *id, const char *input, size_t len, const char *verdict,
    const char *values)
{
	char *body = guard_copy(input, len);
	struct notes notes = {0};
	struct sts_policy policy;
	char got[VALUES_MAX];
	enum sts_status status =
	    sts_policy_parse(&policy, body, len, count_note, &notes);

	if (strcmp(verdict, "reject") == 0) {
		ok(status != STS_OK && notes.errors > 0, "%s is rejected (%s)",
		    id, sts_status_name(status));
	} else {
		bool warn = strcmp(verdict, "accept-warn") == 0;

		is_str(sts_status_name(status), "ok", "%s is accepted", id);
		if (status == STS_OK) {
			format_values(&policy, got);
			is_str(got, values, "%s has exactly its values", id);
		}
		ok((notes.warnings > 0) == warn, "%s gives %s", id,
		    warn ? "a warning" : "no warning");
	}
	guard_free(body, len);
}

int
main(void)
{
	struct vector_file *file = vector_open("policy.tsv");
	char *fields[5];
	unsigned rows = 0;

	while (vector_next(file, fields, 5)) {
		rows++;
		if (strncmp(fields[2], "@gen:", 5) == 0) {
			char *body;
			size_t len = read_body(fields[0], &body);

			check_row(fields[0], body, len, fields[3], fields[4]);
			free(body);
		} else {
			size_t len = vector_unescape(fields[2]);

			check_row(
			    fields[0], fields[2], len, fields[3], fields[4]);
		}
	}
	vector_close(file);
	ok(rows >= ROWS_AT_LEAST, "%u rows of policy.tsv were read", rows);
	return tap_done();
}
