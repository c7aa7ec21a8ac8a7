/* SPDX-License-Identifier: ISC */
#include "report/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "report/gzip.h"
#include "report/report.h"
#include "report/write.h"

enum { ID_RANDOM_BYTES = 12, FAILURE_STRINGS = 6 };

/* What belongs to one report until it is written. */
struct parts {
	struct sts_report_policy *policy;
	size_t policy_count;
	char **text; /* of each given policy; NULL: not known */
	struct sts_report_failure *failure;
	size_t failure_count;
	char **copy; /* of strings that were changed */
	size_t copy_count, given;
};

/* A string of a host, as it can stand in a report; NULL: no memory. */
static const char *
printable(struct parts *parts, const char *string)
{
	char *copy;

	for (const char *p = string;; p++) {
		if (*p == '\0')
			return string;
		if (*p < ' ' || *p >= 0x7f)
			break;
	}
	if ((copy = strdup(string)) == NULL)
		return NULL;
	parts->copy[parts->copy_count++] = copy;
	for (char *p = copy; *p != '\0'; p++)
		if (*p < ' ' || *p >= 0x7f)
			*p = '?';
	return copy;
}

static bool
is_same_failure(
    const struct sts_report_failure *a, const struct sts_report_failure *b)
{
	return a->result == b->result &&
	    strcmp(a->receiving_mx, b->receiving_mx) == 0 &&
	    strcmp(a->receiving_ip, b->receiving_ip) == 0 &&
	    strcmp(a->sending_ip, b->sending_ip) == 0 &&
	    strcmp(a->receiving_helo, b->receiving_helo) == 0 &&
	    strcmp(a->reason, b->reason) == 0 &&
	    strcmp(a->additional, b->additional) == 0;
}

static bool
add_failure(struct parts *parts, struct sts_report_policy *to,
    const struct sts_report_failure *from)
{
	struct sts_report_failure failure = *from;
	const char **const string[FAILURE_STRINGS] = {&failure.receiving_mx,
	    &failure.receiving_ip, &failure.sending_ip, &failure.receiving_helo,
	    &failure.reason, &failure.additional};

	for (size_t i = 0; i < FAILURE_STRINGS; i++)
		if ((*string[i] = printable(parts, *string[i])) == NULL)
			return false;
	for (size_t i = 0; i < to->failure_count; i++)
		if (is_same_failure(&to->failure[i], &failure)) {
			to->failure[i].sessions += failure.sessions;
			return true;
		}
	to->failure[to->failure_count++] = failure;
	parts->failure_count++;
	return true;
}

/* Whether the other policy is the same, fetched at another time. */
static bool
is_same_policy(const struct parts *parts,
    const struct sts_aggregate_policy *policies, size_t a, size_t b)
{
	return policies[a].report.type == policies[b].report.type &&
	    strcmp(policies[a].report.domain, policies[b].report.domain) == 0 &&
	    parts->text[a] != NULL && parts->text[b] != NULL &&
	    strcmp(parts->text[a], parts->text[b]) == 0;
}

/* The policy at `first` and those that are the same, as the next of parts. */
static bool
add_policy(struct parts *parts, const struct sts_aggregate_policy *policies,
    size_t first)
{
	struct sts_report_policy *to = &parts->policy[parts->policy_count++];

	*to = policies[first].report;
	to->domain = printable(parts, to->domain);
	if (to->domain == NULL)
		return false;
	to->successes = to->failures = 0;
	to->failure = parts->failure + parts->failure_count;
	to->failure_count = 0;
	for (size_t i = first; i < parts->given; i++) {
		const struct sts_report_policy *from = &policies[i].report;

		if (i != first && !is_same_policy(parts, policies, first, i))
			continue;
		to->successes += from->successes;
		to->failures += from->failures;
		for (size_t k = 0; k < from->failure_count; k++)
			if (!add_failure(parts, to, &from->failure[k]))
				return false;
	}
	return true;
}

/* The pattern of an "mx: PATTERN" line, or NULL. */
static char *
mx_pattern(char *line)
{
	if (strncmp(line, "mx:", 3) != 0)
		return NULL;
	line += 3;
	return line + strspn(line, " \t");
}

/* What may follow a field, RFC 8461 3.2: blanks, and the CR of its end. */
static void
cut_end(char *line)
{
	size_t len = strcspn(line, "\r");

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	line[len] = '\0';
}

/* RFC 8460 4.5: each line is a string.  Cuts the text into lines. */
static bool
add_lines(struct sts_report_policy *to, char *text)
{
	size_t most = 1;

	for (const char *p = text; *p != '\0'; p++)
		most += *p == '\n';
	to->strings.text = calloc(most, sizeof(char *));
	to->mx_hosts.text = calloc(most, sizeof(char *));
	if (to->strings.text == NULL || to->mx_hosts.text == NULL)
		return false;
	while (text != NULL && *text != '\0') {
		char *line = strsep(&text, "\n"), *mx;

		cut_end(line);
		if (line[0] == '\0')
			continue;
		to->strings.text[to->strings.count++] = line;
		if ((mx = mx_pattern(line)) != NULL)
			to->mx_hosts.text[to->mx_hosts.count++] = mx;
	}
	return true;
}

/* True where one before it is the same. */
static bool
is_merged(const struct parts *parts,
    const struct sts_aggregate_policy *policies, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_same_policy(parts, policies, i, at))
			return true;
	return false;
}

static bool
allocate(struct parts *parts, const struct sts_aggregate_policy *policies)
{
	size_t failures = 1;

	for (size_t i = 0; i < parts->given; i++)
		failures += policies[i].report.failure_count;
	parts->policy = calloc(parts->given, sizeof(*parts->policy));
	parts->text = calloc(parts->given, sizeof(*parts->text));
	parts->failure = calloc(failures, sizeof(*parts->failure));
	parts->copy = calloc(
	    failures * FAILURE_STRINGS + parts->given, sizeof(*parts->copy));
	return parts->policy != NULL && parts->text != NULL &&
	    parts->failure != NULL && parts->copy != NULL;
}

static bool
make_parts(struct parts *parts, const struct sts_composer *composer,
    const char *domain, const struct sts_aggregate_policy *policies)
{
	if (!allocate(parts, policies))
		return false;
	for (size_t i = 0; i < parts->given; i++)
		if (policies[i].report.type == STS_POLICY_TYPE_STS)
			parts->text[i] = sts_policy_texts_find(composer->texts,
			    domain, policies[i].fetched, composer->now);
	for (size_t i = 0; i < parts->given; i++)
		if (!is_merged(parts, policies, i) &&
		    !add_policy(parts, policies, i))
			return false;
	return true;
}

/* Afterwards the texts are cut into lines. */
static bool
make_lines(struct parts *parts, const struct sts_aggregate_policy *policies)
{
	bool *merged = calloc(parts->given, sizeof(*merged));
	struct sts_report_policy *to = parts->policy;
	bool good = merged != NULL;

	for (size_t i = 0; good && i < parts->given; i++)
		merged[i] = is_merged(parts, policies, i);
	for (size_t i = 0; good && i < parts->given; i++) {
		if (merged[i])
			continue;
		good = parts->text[i] == NULL || add_lines(to, parts->text[i]);
		to++;
	}
	free(merged);
	return good;
}

static void
free_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->policy_count; i++) {
		free(parts->policy[i].strings.text);
		free(parts->policy[i].mx_hosts.text);
	}
	for (size_t i = 0; parts->text != NULL && i < parts->given; i++)
		free(parts->text[i]);
	for (size_t i = 0; i < parts->copy_count; i++)
		free(parts->copy[i]);
	free(parts->policy);
	free(parts->text);
	free(parts->failure);
	free(parts->copy);
}

/* The day, and 96 random bits: other hosts report to the domain, too. */
static bool
make_id(struct sts_report_job *job)
{
	unsigned char random[ID_RANDOM_BYTES];
	char day[STS_DAY_TEXT];
	int used;

	if (getentropy(random, sizeof(random)) != 0)
		return false;
	sts_outcomes_day_text(job->day, day);
	used = snprintf(job->id, sizeof(job->id), "%s-", day);
	for (size_t i = 0; i < sizeof(random); i++)
		used += snprintf(job->id + used, sizeof(job->id) - (size_t)used,
		    "%02x", random[i]);
	return true;
}

static const char *
pack(struct sts_report_job *job, const struct sts_report *report)
{
	size_t len;
	char *json;
	const char *wrong = sts_report_write(report, &json, &len);

	if (wrong == NULL &&
	    !sts_gzip_pack(json, len, &job->packed, &job->packed_len))
		wrong = "no memory";
	free(json);
	if (wrong == NULL && job->packed_len > STS_REPORT_PACKED_MAX) {
		wrong = "is too large";
		sts_report_job_free(job);
	}
	return wrong;
}

const char *
sts_compose(const struct sts_composer *composer, struct sts_report_job *job,
    struct sts_aggregate_policy *policies, size_t count)
{
	struct sts_report report = {
	    .organization = composer->config->organization,
	    .contact = composer->config->contact,
	    .id = job->id,
	    .begin = job->day * STS_DAY,
	    .end = job->day * STS_DAY + STS_DAY - 1};
	struct parts parts = {.given = count};
	const char *wrong = "no memory";

	job->packed = NULL;
	job->packed_len = 0;
	if (!make_id(job))
		return "no random bytes";
	if (make_parts(&parts, composer, job->domain, policies) &&
	    make_lines(&parts, policies)) {
		report.policy = parts.policy;
		report.policy_count = parts.policy_count;
		wrong = pack(job, &report);
	}
	free_parts(&parts);
	return wrong;
}
