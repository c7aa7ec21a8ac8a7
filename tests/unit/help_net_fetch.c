/* SPDX-License-Identifier: ISC */
/*
 * Fetches policies from a port of the tests' choosing and says how each went:
 *
 *	DOMAIN fetch=STATUS policy=STATUS bytes=N ms=N detail=TEXT
 *
 * and, with -b, a line "body " with the body escaped.  At the end one line
 * "peak KIB" for the highest use of memory.
 */
#include "tests/unit/help_net.h"

#include "core/policy.h"
#include "net/fetch.h"

struct job {
	struct help_options *options;
	const char *domain;
	struct sts_fetch *fetch;
	int64_t began_ms;
	long *left;
};

static void
done(void *arg, const struct sts_fetch_result *result)
{
	struct job *job = arg;
	struct sts_policy policy;
	const char *verdict = "-";

	if (result->status == STS_OK)
		verdict = sts_status_name(sts_policy_parse(
		    &policy, result->body, result->body_len, NULL, NULL));
	printf("%s fetch=%s policy=%s bytes=%zu ms=%lld detail=", job->domain,
	    sts_status_name(result->status), verdict, result->body_len,
	    (long long)(sts_monotonic_ms() - job->began_ms));
	help_print_escaped(result->detail, strlen(result->detail));
	printf("\n");
	if (job->options->show_body && result->status == STS_OK) {
		printf("body ");
		help_print_escaped(result->body, result->body_len);
		printf("\n");
	}
	job->fetch = NULL;
	--*job->left;
}

static void
cancel(void *arg)
{
	struct job *job = arg;

	printf("%s cancelled\n", job->domain);
	--*job->left;
}

static bool
begin(struct sts_loop *loop, struct job *job)
{
	struct help_options *o = job->options;

	job->began_ms = sts_monotonic_ms();
	job->fetch = sts_fetch_start(loop, job->domain, (uint16_t)o->port,
	    o->dns_ms, o->fetch_ms, done, job);
	++*job->left;
	return job->fetch != NULL;
}

static int
wait_for(struct sts_loop *loop, struct job *jobs, size_t count)
{
	const struct help_options *o = jobs->options;
	int64_t end = sts_monotonic_ms() + o->cancel_ms;

	while (*jobs->left > 0) {
		enum sts_status status = sts_loop_step(loop, 100);

		if (status != STS_OK) {
			printf("step %s\n", sts_status_name(status));
			return 1;
		}
		if (o->cancel_ms < 0 || sts_monotonic_ms() < end)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (jobs[i].fetch == NULL)
				continue;
			sts_fetch_cancel(loop, jobs[i].fetch);
			jobs[i].fetch = NULL;
			cancel(&jobs[i]);
		}
	}
	return 0;
}

static int
run(struct sts_loop *loop, struct job *jobs, size_t count)
{
	const struct help_options *o = jobs->options;
	size_t step = o->together ? count : 1;

	for (long turn = 0; turn < o->times; turn++) {
		for (size_t i = 0; i < count; i += step) {
			for (size_t k = i; k < i + step; k++) {
				if (!begin(loop, &jobs[k]))
					return 1;
			}
			if (wait_for(loop, &jobs[i], step) != 0)
				return 1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct help_options options;
	struct sts_loop *loop;
	struct job *jobs;
	enum sts_status status;
	long left = 0;
	size_t count;
	int rc;

	help_parse(&options, argc, argv);
	count = (size_t)(argc - optind);
	if (count == 0 || (jobs = calloc(count, sizeof(*jobs))) == NULL)
		return 2;
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct job){.options = &options,
		    .domain = argv[optind + (int)i],
		    .left = &left};
	status = sts_loop_create(&loop, &options.config);
	if (status != STS_OK) {
		printf("loop %s\n", sts_status_name(status));
		free(jobs);
		return 1;
	}
	help_limit_fds(&options, loop);
	rc = run(loop, jobs, count);
	sts_loop_destroy(loop);
	free(jobs);
	printf("peak %ld\n", help_peak_kib());
	return rc;
}
