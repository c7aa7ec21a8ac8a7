/* SPDX-License-Identifier: ISC */
/* Any bytes as a mail, a compressed file or JSON, and the report in it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "report/message.h"
#include "report/report.h"

struct seen {
	unsigned reports, faults;
};

static void
on_place(void *arg, const char *place, const char *reason)
{
	unsigned *faults = arg;

	REQUIRE(strlen(place) < STS_REPORT_PLACE_MAX);
	REQUIRE(reason[0] != '\0');
	REQUIRE(++*faults <= STS_REPORT_FAULTS_MAX);
}

static void
check_list(const struct sts_report_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		REQUIRE(strlen(list->text[i]) <= STS_REPORT_TEXT_MAX);
}

static void
check_count(int64_t count)
{
	REQUIRE(count >= 0 && count <= STS_REPORT_COUNT_MAX);
}

static void
check_policy(const struct sts_report_policy *policy)
{
	REQUIRE(policy->domain[0] != '\0' ||
	    policy->type == STS_POLICY_TYPE_NO_POLICY_FOUND);
	check_count(policy->successes);
	check_count(policy->failures);
	check_list(&policy->strings);
	check_list(&policy->mx_hosts);
	for (size_t i = 0; i < policy->failure_count; i++) {
		REQUIRE(policy->failure[i].result != STS_RESULT_NONE);
		REQUIRE(strlen(policy->failure[i].additional) <=
		    STS_REPORT_TEXT_MAX);
		check_count(policy->failure[i].sessions);
	}
}

static void
on_json(void *arg, const char *json, size_t len)
{
	struct seen *seen = arg;
	struct sts_report report;
	unsigned faults = 0;
	bool good = sts_report_parse(&report, json, len, on_place, &faults);

	seen->reports++;
	REQUIRE(good == (faults == 0));
	if (good) {
		REQUIRE(report.organization[0] != '\0' && report.id[0] != '\0');
		REQUIRE(report.begin >= 0 && report.begin <= report.end);
		REQUIRE(sts_report_day(&report) >= 0);
	}
	for (size_t i = 0; i < report.policy_count; i++)
		check_policy(&report.policy[i]);
	sts_report_free(&report);
}

static void
on_fault(void *arg, const char *reason)
{
	struct seen *seen = arg;

	REQUIRE(reason[0] != '\0');
	seen->faults++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0, 0};
	const struct sts_message_sink sink = {on_json, on_fault, &seen};
	const char *none = sts_message_read((const char *)data, size, &sink);

	REQUIRE((none == NULL) == (seen.reports + seen.faults > 0));
	REQUIRE(seen.reports + seen.faults <= 2 * STS_MESSAGE_PARTS_MAX);
	return 0;
}
