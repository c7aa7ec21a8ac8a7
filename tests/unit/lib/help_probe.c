/* SPDX-License-Identifier: ISC */
/*
 * Probes MX hosts at a port of the tests' choosing and says how each went:
 *
 *	HOST probe=STATUS address=ADDRESS ms=N detail=TEXT
 *
 * The options, and what else is printed, are those of tap_net.h; -f is the
 * time for the whole probe.
 */
#include <stdio.h>
#include <string.h>

#include "resolver/mx_probe.h"
#include "tests/unit/lib/tap_net.h"

static void
done(void *arg, const struct sts_mx_probe_result *result)
{
	struct net_job *job = arg;

	printf("%s probe=%s address=%s ms=%lld detail=", job->operand,
	    sts_status_name(result->status), result->address,
	    net_job_ended(job));
	net_print_escaped(result->detail, strlen(result->detail));
	printf("\n");
}

static void *
start(struct net *net, struct net_job *job)
{
	const struct net_options *o = job->options;
	struct sts_mx_probe_spec spec = {.host = job->operand,
	    .port = (uint16_t)o->port,
	    .dns_timeout_ms = o->dns_ms,
	    .timeout_ms = o->fetch_ms};

	return sts_mx_probe_start(&net->context, &spec, done, job);
}

static void
cancel(void *probe)
{
	sts_mx_probe_cancel(probe);
}

int
main(int argc, char **argv)
{
	return net_main(argc, argv, &(struct net_work){start, cancel});
}
