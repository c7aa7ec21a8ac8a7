/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_net.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/child.h"

static void
usage(const char *program)
{
	fprintf(stderr,
	    "usage: %s [-n nameserver]... [-p port] [-d dns-ms] "
	    "[-f fetch-ms] [-t times]\n"
	    "    [-x cancel-ms] [-l spare-descriptors [-e after-ms]]\n"
	    "    [-F ca-file] [-D ca-path] [-R fetcher] [-P] [-a] [-b] "
	    "operand...\n"
	    "-P: no private addresses  -a: all at once  -b: show the body\n",
	    program);
	exit(2);
}

/* mta-sts-fetcher of this build, as $B says; or that beside a copy of us. */
static char *
built_fetcher(void)
{
	static char path[PATH_MAX];
	const char *build = getenv("B");
	char relative[PATH_MAX];

	snprintf(relative, sizeof(relative), "%s/mta-sts-fetcher",
	    build != NULL ? build : "build");
	return realpath(relative, path) != NULL ? path : strdup("/nonexistent");
}

/* Leaves optind at the first operand. */
static void
parse(struct net_options *o, int argc, char **argv)
{
	int c;

	*o = (struct net_options){.port = 443,
	    .dns_ms = 2000,
	    .fetch_ms = 3000,
	    .times = 1,
	    .cancel_ms = -1};
	o->config.allow_private = true;
	o->config.fetcher = built_fetcher();
	while ((c = getopt(argc, argv, "n:p:d:f:t:x:l:e:F:D:R:Pabh")) != -1) {
		switch (c) {
		case 'n':
			if (o->config.nameserver_count < STS_NAMESERVERS_MAX)
				o->config
				    .nameservers[o->config.nameserver_count++] =
				    optarg;
			break;
		case 'p':
			o->port = atol(optarg);
			break;
		case 'd':
			o->dns_ms = atol(optarg);
			break;
		case 'f':
			o->fetch_ms = atol(optarg);
			break;
		case 't':
			o->times = atol(optarg);
			break;
		case 'x':
			o->cancel_ms = atol(optarg);
			break;
		case 'l':
			o->spare_fds = atol(optarg);
			o->limited = true;
			break;
		case 'e':
			o->limit_ms = atol(optarg);
			break;
		case 'F':
			o->config.ca_file = optarg;
			break;
		case 'D':
			o->config.ca_path = optarg;
			break;
		case 'R':
			o->config.fetcher = optarg;
			break;
		case 'P':
			o->config.allow_private = false;
			break;
		case 'a':
			o->together = true;
			break;
		case 'b':
			o->show_body = true;
			break;
		default:
			usage(argv[0]);
		}
	}
}

/*
 * From now on only so many descriptors more can be opened; with a negative
 * number those that are closed cannot be had again.
 */
static void
limit_now(void *arg)
{
	const struct net_options *o = arg;
	struct rlimit limit;
	int next;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    (next = dup(STDERR_FILENO)) < 0)
		return;
	close(next);
	limit.rlim_cur = (rlim_t)(next + o->spare_fds);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The work is done: who looks for leaks at the end needs descriptors. */
static void
limit_no_more(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
limit_descriptors(struct net_options *o, struct sts_loop *loop)
{
	if (o->limited && o->limit_ms > 0)
		(void)sts_timer_start(loop, o->limit_ms, limit_now, o);
	else if (o->limited)
		limit_now(o);
}

/*
 * Memory in use at its highest, in KiB; -1 where the system does not say.
 * (getrusage(2) would count what the parent had before exec.)
 */
static long
peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (file != NULL && kib < 0 &&
	    fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = atol(line + 6);
	}
	if (file != NULL)
		fclose(file);
	return kib;
}

enum sts_status
net_open(struct net *net, const struct sts_config *config)
{
	enum sts_status status;

	memset(net, 0, sizeof(*net));
	(void)signal(SIGPIPE, SIG_IGN);
	status = sts_loop_create(&net->loop);
	if (status == STS_OK)
		status = sts_dns_create(&net->dns, net->loop, config);
	if (status == STS_OK)
		status = sts_fetcher_create(&net->fetcher, net->loop, config);
	net->context = (struct sts_fetch_context){
	    net->loop, net->dns, net->fetcher, config};
	if (status != STS_OK)
		net_close(net);
	return status;
}

void
net_close(struct net *net)
{
	sts_fetcher_destroy(net->fetcher);
	sts_dns_destroy(net->dns);
	sts_loop_destroy(net->loop);
	memset(net, 0, sizeof(*net));
}

static void
cancel(const struct net_work *work, struct net_job *job)
{
	if (job->handle == NULL)
		return;
	work->cancel(job->handle);
	printf("%s cancelled\n", job->operand);
	(void)net_job_ended(job);
}

/* Begins `count` jobs at once and waits until they have ended. */
static bool
run_batch(struct net *net, const struct net_work *work, struct net_job *jobs,
    size_t count)
{
	const struct net_options *o = jobs->options;
	int64_t end;

	for (size_t i = 0; i < count; i++) {
		jobs[i].began_ms = sts_monotonic_ms();
		jobs[i].handle = work->start(net, &jobs[i]);
		if (jobs[i].handle == NULL)
			return false;
		++*jobs[i].left;
	}
	end = sts_monotonic_ms() + o->cancel_ms;
	while (*jobs->left > 0) {
		enum sts_status status = sts_loop_step(net->loop, 100);

		if (status != STS_OK) {
			printf("step %s\n", sts_status_name(status));
			return false;
		}
		if (o->cancel_ms < 0 || sts_monotonic_ms() < end)
			continue;
		for (size_t i = 0; i < count; i++)
			cancel(work, &jobs[i]);
	}
	return true;
}

static bool
run(struct net_options *o, const struct net_work *work, struct net_job *jobs,
    size_t count)
{
	size_t step = o->together ? count : 1;
	struct net net;
	enum sts_status status = net_open(&net, &o->config);
	bool well = true;

	if (status != STS_OK) {
		printf("loop %s\n", sts_status_name(status));
		return false;
	}
	sts_fetcher_set_ports(
	    net.fetcher, (uint16_t)o->port, (uint16_t)o->port);
	limit_descriptors(o, net.loop);
	for (long turn = 0; turn < o->times && well; turn++) {
		for (size_t i = 0; i < count && well; i += step)
			well = run_batch(&net, work, &jobs[i], step);
	}
	net_close(&net);
	limit_no_more();
	printf("peak %ld\n", peak_kib());
	return well;
}

int
net_main(int argc, char **argv, const struct net_work *work)
{
	struct net_options options;
	struct net_job *jobs;
	size_t count;
	long left = 0;
	bool well;

	parse(&options, argc, argv);
	count = (size_t)(argc - optind);
	if (count == 0 || (jobs = calloc(count, sizeof(*jobs))) == NULL)
		return 2;
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct net_job){.options = &options,
		    .operand = argv[(size_t)optind + i],
		    .left = &left};
	well = run(&options, work, jobs, count);
	free(jobs);
	return well ? 0 : 1;
}

long long
net_job_ended(struct net_job *job)
{
	job->handle = NULL;
	--*job->left;
	return (long long)(sts_monotonic_ms() - job->began_ms);
}

void
net_print_escaped(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte >= ' ' && byte < 0x7f && byte != '\\')
			putchar(byte);
		else
			printf("\\x%02x", byte);
	}
}
