/* SPDX-License-Identifier: ISC */
/*
 * Probes MX hosts at a port of the tests' choosing and says how each went:
 *
 *	HOST probe=STATUS address=ADDRESS ms=N detail=TEXT
 *
 * The options are those of help_net.h; -f is the time for the whole probe.  At
 * the end one line "peak KIB" for the highest use of memory.
 */
#include "tests/unit/help_net.h"

#include "net/probe.h"

struct job {
	struct help_options *options;
	const char *host;
	struct sts_mx_probe *probe;
	int64_t began_ms;
	long *left;
};

static void
done(void *arg, const struct sts_mx_probe_result *result)
{
	struct job *job = arg;

	printf("%s probe=%s address=%s ms=%lld detail=", job->host,
	    sts_status_name(result->status), result->address,
	    (long long)(sts_monotonic_ms() - job->began_ms));
	help_print_escaped(result->detail, strlen(result->detail));
	printf("\n");
	job->probe = NULL;
	--*job->left;
}

static bool
begin(struct sts_loop *loop, struct job *job)
{
	const struct help_options *o = job->options;
	struct sts_mx_probe_spec spec = {.host = job->host,
	    .port = (uint16_t)o->port,
	    .dns_timeout_ms = o->dns_ms,
	    .timeout_ms = o->fetch_ms};

	job->began_ms = sts_monotonic_ms();
	job->probe = sts_mx_probe_start(loop, &spec, done, job);
	++*job->left;
	return job->probe != NULL;
}

static void
cancel(struct sts_loop *loop, struct job *job)
{
	if (job->probe == NULL)
		return;
	sts_mx_probe_cancel(loop, job->probe);
	job->probe = NULL;
	printf("%s cancelled\n", job->host);
	--*job->left;
}

static bool
wait_for(struct sts_loop *loop, struct job *jobs, size_t count)
{
	const struct help_options *o = jobs->options;
	int64_t end = sts_monotonic_ms() + o->cancel_ms;

	while (*jobs->left > 0) {
		if (sts_loop_step(loop, 100) != STS_OK)
			return false;
		for (size_t i = 0; i < count && o->cancel_ms >= 0 &&
		     sts_monotonic_ms() >= end;
		     i++)
			cancel(loop, &jobs[i]);
	}
	return true;
}

static bool
run(struct sts_loop *loop, struct job *jobs, size_t count)
{
	const struct help_options *o = jobs->options;
	size_t step = o->together ? count : 1;

	for (long turn = 0; turn < o->times; turn++) {
		for (size_t i = 0; i < count; i += step) {
			for (size_t k = i; k < i + step; k++) {
				if (!begin(loop, &jobs[k]))
					return false;
			}
			if (!wait_for(loop, &jobs[i], step))
				return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct help_options options;
	struct sts_loop *loop;
	struct job *jobs;
	long left = 0;
	size_t count;
	bool well;

	help_parse(&options, argc, argv);
	count = (size_t)(argc - optind);
	if (count == 0 || (jobs = calloc(count, sizeof(*jobs))) == NULL)
		return 2;
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct job){.options = &options,
		    .host = argv[optind + (int)i],
		    .left = &left};
	if (sts_loop_create(&loop, &options.config) != STS_OK) {
		free(jobs);
		return 1;
	}
	help_limit_fds(&options, loop);
	well = run(loop, jobs, count);
	sts_loop_destroy(loop);
	free(jobs);
	printf("peak %ld\n", help_peak_kib());
	return well ? 0 : 1;
}
