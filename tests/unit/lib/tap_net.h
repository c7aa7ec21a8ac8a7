/* SPDX-License-Identifier: ISC */
/*
 * A program that does jobs on the network and says how each went.  Each
 * operand is one job; the options are the same in all such programs.
 *
 * Output: the lines that the program prints for its jobs; "OPERAND cancelled"
 * for a job that was given up; "loop STATUS" or "step STATUS" where the loop
 * fails; at the end "peak KIB", the highest use of memory.
 */
#ifndef STS_TESTS_TAP_NET_H
#define STS_TESTS_TAP_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "dns/dns.h"
#include "loop/loop.h"
#include "resolver/fetch.h"

/* What jobs are done with. */
struct net {
	struct sts_loop *loop;
	struct sts_dns *dns;
	struct sts_fetcher *fetcher;
	struct sts_fetch_context context; /* the same */
};

struct net_options {
	struct sts_config config;
	long port;
	long dns_ms, fetch_ms;
	long times;     /* how often each is done */
	long cancel_ms; /* -1: never */
	long spare_fds; /* how many may still be opened */
	long limit_ms;  /* when that limit begins */
	bool limited;   /* there is such a limit */
	bool together;  /* all at once instead of one after the other */
	bool show_body;
};

struct net_job {
	const struct net_options *options;
	char *operand;
	void *handle; /* as `start` returned it; NULL: not under way */
	int64_t began_ms;
	long *left; /* how many of all the jobs are under way */
};

/* What the jobs of a program are. */
struct net_work {
	/* NULL: it cannot begin, which ends the program. */
	void *(*start)(struct net *net, struct net_job *job);
	void (*cancel)(void *handle);
};

/*
 * Opens all of it with SIGPIPE ignored; the status is of the first that
 * failed, and then nothing is open.
 */
enum sts_status net_open(struct net *net, const struct sts_config *config);
void net_close(struct net *net);

/*
 * The program: 0 where every job began and ended, 2 on bad usage, else 1.
 */
int net_main(int argc, char **argv, const struct net_work *work);

/* To be called once by a job that ends; returns how many ms it took. */
long long net_job_ended(struct net_job *job);

/* Prints what is not plain text as \xHH. */
void net_print_escaped(const char *bytes, size_t len);

#endif
