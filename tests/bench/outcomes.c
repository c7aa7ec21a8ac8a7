/* SPDX-License-Identifier: ISC */
/*
 * What outcomes of sessions cost, for tests/bench/outcomes.py:
 *
 *	outcomes make STATE SESSIONS DOMAINS
 *		writes a day: domains in turn, each tenth session failed
 *	outcomes aggregate STATE
 *		adds it up and makes the JSON of each domain; prints sessions,
 *		and the peak of this process's memory in KiB
 *	outcomes append STATE COUNT
 *		appends so many; prints microseconds for each
 *	outcomes bare STATE COUNT
 *		writes the same lines to a file that it opens once
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "report/aggregate.h"
#include "report/write.h"
#include "store/outcomes.h"

static const int64_t day = 20000;
static int64_t sessions;

static struct sts_outcome
session(unsigned number, unsigned domains)
{
	struct sts_outcome o = {.time = day * STS_DAY + number % STS_DAY,
	    .type = STS_POLICY_TYPE_STS,
	    .fetched = 1727900000,
	    .sending_ip = "192.0.2.25"};
	unsigned domain = number % domains;

	snprintf(o.domain, sizeof(o.domain), "d%u.example.com", domain);
	snprintf(
	    o.mx, sizeof(o.mx), "mx%u.d%u.example.com", number % 3, domain);
	snprintf(o.receiving_ip, sizeof(o.receiving_ip), "198.51.100.%u",
	    domain % 250);
	if (number % 10 == 0) {
		o.result = STS_RESULT_CERTIFICATE_EXPIRED;
		snprintf(o.helo, sizeof(o.helo), "%s", o.mx);
	}
	return o;
}

static int
make(const char *state, unsigned count, unsigned domains)
{
	char text[STS_OUTCOME_LINE_MAX], day_text[STS_DAY_TEXT];
	FILE *file;

	sts_outcomes_day_text(day, day_text);
	snprintf(text, sizeof(text), "%s/outcomes/%s", state, day_text);
	if ((file = fopen(text, "w")) == NULL)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		struct sts_outcome o = session(i, domains);
		size_t len = sts_outcome_format(&o, text);

		(void)fwrite(text, 1, len, file);
	}
	return fclose(file) == 0 ? 0 : 1;
}

static bool
take(void *arg, const char *domain, struct sts_aggregate_policy *policies,
    size_t count)
{
	bool *good = arg;

	for (size_t i = 0; i < count; i++) {
		struct sts_report report = {"o", "a@b.example", domain,
		    day * STS_DAY, day * STS_DAY + STS_DAY - 1,
		    &policies[i].report, 1, NULL};
		char *json = NULL;
		size_t len;

		*good = *good && sts_report_write(&report, &json, &len) == NULL;
		free(json);
		sessions +=
		    policies[i].report.successes + policies[i].report.failures;
	}
	return *good;
}

static int
aggregate(struct sts_store *store)
{
	struct rusage use;
	bool good = true;
	enum sts_status status =
	    sts_aggregate_day(store, day, STS_AGGREGATE_BYTES, take, &good);

	(void)getrusage(RUSAGE_SELF, &use);
	printf("%lld %ld\n", (long long)sessions, use.ru_maxrss);
	return good && status == STS_OK ? 0 : 1;
}

static int
append(struct sts_store *store, unsigned count)
{
	struct timespec began, ended;
	bool good = true;

	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	for (unsigned i = 0; i < count && good; i++) {
		struct sts_outcome o = session(i, 1000);

		o.time += STS_DAY;
		good = sts_outcomes_append(store, &o) == STS_OK;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("%.2f\n",
	    ((double)(ended.tv_sec - began.tv_sec) * 1e9 +
		(double)(ended.tv_nsec - began.tv_nsec)) /
		1e3 / count);
	return good ? 0 : 1;
}

static int
bare(const char *state, unsigned count)
{
	char text[STS_OUTCOME_LINE_MAX];
	bool good;
	int fd;

	snprintf(text, sizeof(text), "%s/bare", state);
	fd = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	good = fd >= 0;
	for (unsigned i = 0; i < count && good; i++) {
		struct sts_outcome o = session(i, 1000);
		size_t len = sts_outcome_format(&o, text);

		good = write(fd, text, len) == (ssize_t)len;
	}
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct sts_store *store;
	int result = 2;

	if (argc < 3 || sts_store_open(&store, argv[2], false) != STS_OK)
		return 2;
	if (strcmp(argv[1], "make") == 0 && argc == 5)
		result = make(
		    argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
	else if (strcmp(argv[1], "aggregate") == 0)
		result = aggregate(store);
	else if (strcmp(argv[1], "append") == 0 && argc == 4)
		result = append(store, (unsigned)atoi(argv[3]));
	else if (strcmp(argv[1], "bare") == 0 && argc == 4)
		result = bare(argv[2], (unsigned)atoi(argv[3]));
	sts_store_close(store);
	return result;
}
