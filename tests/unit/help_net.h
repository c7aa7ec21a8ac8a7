/* SPDX-License-Identifier: ISC */
/*
 * Options that the network's test programs share.
 */
#ifndef STS_TESTS_HELP_NET_H
#define STS_TESTS_HELP_NET_H

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/child.h"
#include "base/config.h"
#include "net/loop.h"

enum { NO_LIMIT = -1000 };

struct help_options {
	struct sts_config config;
	long port;
	long dns_ms, fetch_ms;
	long times;     /* how often each is done */
	long cancel_ms; /* -1: never */
	long spare_fds; /* how many may still be opened; NO_LIMIT */
	long limit_ms;  /* when that limit begins */
	bool together;  /* all at once instead of one after the other */
	bool show_body;
};

/* Leaves optind at the first operand; ends the program on a bad option. */
static inline void
help_parse(struct help_options *o, int argc, char **argv)
{
	static const char letters[] = "n:p:d:f:t:x:l:e:F:D:Pabh";
	int c;

	*o = (struct help_options){.port = 443,
	    .dns_ms = 2000,
	    .fetch_ms = 3000,
	    .times = 1,
	    .cancel_ms = -1,
	    .spare_fds = NO_LIMIT};
	o->config.allow_private = true;
	while ((c = getopt(argc, argv, letters)) != -1) {
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
			fprintf(stderr,
			    "usage: %s [-n nameserver]... [-p port] "
			    "[-d dns-ms] [-f fetch-ms] [-t times]\n"
			    "    [-x cancel-ms] [-l spare-descriptors "
			    "[-e after-ms]]\n"
			    "    [-F ca-file] [-D ca-path] "
			    "[-P] [-a] [-b] operand...\n"
			    "-P: no private addresses  -a: all at once  "
			    "-b: show the body\n",
			    argv[0]);
			exit(2);
		}
	}
}

/*
 * From now on only so many descriptors more can be opened; with a negative
 * number those that are closed cannot be had again.
 */
static inline void
help_limit_now(void *arg)
{
	const struct help_options *o = arg;
	struct rlimit limit;
	int next;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    (next = dup(STDERR_FILENO)) < 0)
		return;
	close(next);
	limit.rlim_cur = (rlim_t)(next + o->spare_fds);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static inline void
help_limit_fds(struct help_options *o, struct sts_loop *loop)
{
	if (o->spare_fds != NO_LIMIT && o->limit_ms > 0)
		(void)sts_timer_start(loop, o->limit_ms, help_limit_now, o);
	else if (o->spare_fds != NO_LIMIT)
		help_limit_now(o);
}

/* One line, with what is not plain text as \xHH. */
static inline void
help_print_escaped(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte >= ' ' && byte < 0x7f && byte != '\\')
			putchar(byte);
		else
			printf("\\x%02x", byte);
	}
}

/*
 * Memory in use at its highest, in KiB; -1 where the system does not say.
 * (getrusage(2) would count what the parent had before exec.)
 */
static inline long
help_peak_kib(void)
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

#endif
