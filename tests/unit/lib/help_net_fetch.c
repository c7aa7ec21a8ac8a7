/* SPDX-License-Identifier: ISC */
/*
 * Fetches policies from a port of the tests' choosing and says how each went:
 *
 *	DOMAIN fetch=STATUS policy=STATUS bytes=N ms=N detail=TEXT
 *
 * and, with -b, a line "body " with the body escaped.  The options, and what
 * else is printed, are those of tap_net.h.
 */
#include <stdio.h>
#include <string.h>

#include "core/policy.h"
#include "resolver/fetch.h"
#include "tests/unit/lib/tap_net.h"

static void
done(void *arg, const struct sts_fetch_result *result)
{
	struct net_job *job = arg;
	struct sts_policy policy;
	const char *verdict = "-";

	if (result->status == STS_OK)
		verdict = sts_status_name(sts_policy_parse(
		    &policy, result->body, result->body_len, NULL, NULL));
	printf("%s fetch=%s policy=%s bytes=%zu ms=%lld detail=", job->operand,
	    sts_status_name(result->status), verdict, result->body_len,
	    net_job_ended(job));
	net_print_escaped(result->detail, strlen(result->detail));
	printf("\n");
	if (job->options->show_body && result->status == STS_OK) {
		printf("body ");
		net_print_escaped(result->body, result->body_len);
		printf("\n");
	}
}

static void *
start(struct net *net, struct net_job *job)
{
	const struct net_options *o = job->options;

	return sts_fetch_start(&net->context, job->operand, (uint16_t)o->port,
	    o->dns_ms, o->fetch_ms, done, job);
}

static void
cancel(void *fetch)
{
	sts_fetch_cancel(fetch);
}

int
main(int argc, char **argv)
{
	return net_main(argc, argv, &(struct net_work){start, cancel});
}
