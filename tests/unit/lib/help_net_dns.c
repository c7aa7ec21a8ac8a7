/* SPDX-License-Identifier: ISC */
/*
 * Asks DNS questions, operands "txt:NAME", "mx:NAME" or "address:NAME", and
 * says how each went: "TYPE NAME STATUS ms=N", followed by a line for each
 * record: "= TEXT" (escaped), "= PREFERENCE HOST" or "= ADDRESS".  The
 * options, and what else is printed, are those of tap_net.h.
 */
#include <stdio.h>
#include <string.h>

#include "dns/dns.h"
#include "tests/unit/lib/tap_net.h"

static void
ended(struct net_job *job, enum sts_status status)
{
	printf("%s %s ms=%lld\n", job->operand, sts_status_name(status),
	    net_job_ended(job));
}

static void
txt_done(void *arg, enum sts_status status, const struct sts_span *records,
    size_t count)
{
	ended(arg, status);
	for (size_t i = 0; i < count; i++) {
		printf("= ");
		net_print_escaped(records[i].p, records[i].len);
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

static void *
start(struct net *net, struct net_job *job)
{
	/* A blank where the question was asked before. */
	char *name = strpbrk(job->operand, ": ");
	int64_t timeout_ms = job->options->dns_ms;

	if (name == NULL)
		return NULL;
	*name++ = ' ';
	if (strncmp(job->operand, "txt ", 4) == 0)
		return sts_dns_txt(net->dns, name, timeout_ms, txt_done, job);
	if (strncmp(job->operand, "mx ", 3) == 0)
		return sts_dns_mx(net->dns, name, timeout_ms, mx_done, job);
	return sts_dns_address(net->dns, name, timeout_ms, address_done, job);
}

static void
cancel(void *query)
{
	sts_dns_cancel(query);
}

int
main(int argc, char **argv)
{
	return net_main(argc, argv, &(struct net_work){start, cancel});
}
