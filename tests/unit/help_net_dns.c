/* SPDX-License-Identifier: ISC */
/*
 * Asks DNS questions, operands "txt:NAME", "mx:NAME" or "address:NAME", and
 * says how each went: "TYPE NAME STATUS ms=N", followed by a line for each
 * record: "= TEXT" (escaped), "= PREFERENCE HOST" or "= ADDRESS".
 */
#include "tests/unit/help_net.h"

#include "net/dns.h"

struct job {
	const char *type, *name;
	struct sts_dns_query *query;
	int64_t began_ms;
	long *left;
};

static void
ended(struct job *job, enum sts_status status)
{
	printf("%s %s %s ms=%lld\n", job->type, job->name,
	    sts_status_name(status),
	    (long long)(sts_monotonic_ms() - job->began_ms));
	job->query = NULL;
	--*job->left;
}

static void
txt_done(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	ended(arg, status);
	for (size_t i = 0; i < count; i++) {
		printf("= ");
		help_print_escaped(records[i].p, records[i].len);
		printf("\n");
	}
}

static void
mx_done(
    void *arg, enum sts_status status, const struct sts_mx *hosts, size_t count)
{
	ended(arg, status);
	for (size_t i = 0; i < count; i++)
		printf("= %u %s\n", hosts[i].preference, hosts[i].host);
}

static void
address_done(void *arg, enum sts_status status,
    const struct sts_address *addresses, size_t count)
{
	char text[INET6_ADDRSTRLEN];

	ended(arg, status);
	for (size_t i = 0; i < count; i++)
		printf("= %s\n", sts_address_text(&addresses[i], text));
}

static bool
begin(struct sts_loop *loop, struct job *job, int64_t timeout_ms)
{
	job->began_ms = sts_monotonic_ms();
	if (strcmp(job->type, "txt") == 0)
		job->query =
		    sts_dns_txt(loop, job->name, timeout_ms, txt_done, job);
	else if (strcmp(job->type, "mx") == 0)
		job->query =
		    sts_dns_mx(loop, job->name, timeout_ms, mx_done, job);
	else
		job->query = sts_dns_address(
		    loop, job->name, timeout_ms, address_done, job);
	++*job->left;
	return job->query != NULL;
}

static int
wait_for(struct sts_loop *loop, const struct help_options *o, struct job *jobs,
    size_t count, long *left)
{
	int64_t end = sts_monotonic_ms() + o->cancel_ms;

	while (*left > 0) {
		enum sts_status status = sts_loop_step(loop, 100);

		if (status != STS_OK) {
			printf("step %s\n", sts_status_name(status));
			return 1;
		}
		for (size_t i = 0; i < count && o->cancel_ms >= 0 &&
		     sts_monotonic_ms() >= end;
		     i++) {
			if (jobs[i].query == NULL)
				continue;
			sts_dns_cancel(loop, jobs[i].query);
			jobs[i].query = NULL;
			printf("%s %s cancelled\n", jobs[i].type, jobs[i].name);
			--*left;
		}
	}
	return 0;
}

static int
run(struct sts_loop *loop, const struct help_options *o, struct job *jobs,
    size_t count, long *left)
{
	size_t step = o->together ? count : 1;

	for (long turn = 0; turn < o->times; turn++) {
		for (size_t i = 0; i < count; i += step) {
			for (size_t k = i; k < i + step; k++) {
				if (!begin(loop, &jobs[k], o->dns_ms))
					return 1;
			}
			if (wait_for(loop, o, &jobs[i], step, left) != 0)
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
	for (size_t i = 0; i < count; i++) {
		char *colon = strchr(argv[optind + (int)i], ':');

		if (colon == NULL)
			return 2;
		*colon = '\0';
		jobs[i] = (struct job){.type = argv[optind + (int)i],
		    .name = colon + 1,
		    .left = &left};
	}
	status = sts_loop_create(&loop, &options.config);
	if (status != STS_OK) {
		printf("loop %s\n", sts_status_name(status));
		free(jobs);
		return 1;
	}
	help_limit_fds(&options, loop);
	rc = run(loop, &options, jobs, count, &left);
	sts_loop_destroy(loop);
	free(jobs);
	printf("peak %ld\n", help_peak_kib());
	return rc;
}
