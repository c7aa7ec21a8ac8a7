/* SPDX-License-Identifier: ISC */
/*
 * The DNS part of a lookup alone, through common/dns: the same questions, and
 * the same line of output, as bare_cares.c.
 *
 *	only_dns ADDRESS:PORT FLIGHT COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "dns/dns.h"
#include "loop/loop.h"

static struct sts_dns *dns;
static long asked, answered, failed, count, flight;

static void ask(void);

static void
done(
    void *arg, enum sts_status status, const struct sts_span *records, size_t n)
{
	(void)arg;
	(void)records;
	(void)n;
	answered++;
	failed += status != STS_OK && status != STS_DNS_NXDOMAIN &&
	    status != STS_DNS_NODATA;
	ask();
}

static void
ask(void)
{
	char name[64];

	if (asked == count || asked - answered >= flight)
		return;
	snprintf(name, sizeof(name), "_mta-sts.n%ld.example", asked++);
	if (sts_dns_txt(dns, name, 5000, done, NULL) == NULL)
		exit(1);
}

int
main(int argc, char **argv)
{
	struct sts_config config = {.nameserver_count = 1};
	struct sts_loop *loop;
	struct rusage use;
	double us;

	if (argc != 4)
		return 2;
	config.nameservers[0] = argv[1];
	flight = atol(argv[2]);
	count = atol(argv[3]);
	if (sts_loop_create(&loop) != STS_OK ||
	    sts_dns_create(&dns, loop, &config) != STS_OK)
		return 1;
	for (long i = 0; i < flight; i++)
		ask();
	while (answered < count && sts_loop_step(loop, 1000) == STS_OK)
		continue;
	getrusage(RUSAGE_SELF, &use);
	us = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
	printf("%ld %.2f\n", count, us / (double)count);
	sts_dns_destroy(dns);
	sts_loop_destroy(loop);
	return failed > 0 || answered < count;
}
