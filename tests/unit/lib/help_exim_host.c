/* SPDX-License-Identifier: ISC */
/*
 * A host for mta-sts.so as Exim is one: opens it with RTLD_LAZY and calls
 * mta_sts_query, so often for each domain, with what a calling user can do to
 * a process done before.
 *
 * usage: help_exim_host [options] OBJECT CONFIG DOMAIN...
 *   -n N  calls for each domain, default 1
 *   -N N  at most N descriptors      -F N  at most N bytes in a file
 *   -x N  use up all but N of them   -u    umask 0
 *   -c    SIGCHLD ignored            -s    every signal blocked
 *   -C    descriptors 0 to 2 closed  -U N  become user and group N
 *
 * Prints "DOMAIN: ANSWER" (of the last call; "(answers differ)" if so), then
 * what the calls left behind: descriptors, children, memory.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Exim's own words for it. */
typedef unsigned char uschar;
typedef int exim_dlfunc_t(uschar **yield, int argc, uschar *argv[]);

enum { OUTPUT_FD = 40 };

static exim_dlfunc_t *query;
static int output_fd = STDOUT_FILENO;
static unsigned not_ok;

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static long
resident_kib(void)
{
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL)
		return -1;
	if (fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = -1;
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* glibc's functions take an enum of its own. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_number;
#else
typedef int resource_number;
#endif

static void
set_limit(int resource, rlim_t value)
{
	struct rlimit limit = {value, value};

	setrlimit((resource_number)resource, &limit);
}

static void
block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void
use_up_descriptors(int left)
{
	int last = -1, fd;

	while ((fd = dup(output_fd)) >= 0)
		last = fd;
	for (; left > 0; left--)
		close(last--);
}

static void
close_standard(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

static void
become(unsigned id)
{
	if (setgid(id) != 0 || setuid(id) != 0)
		exit(3);
}

/* Options are kept until the object is open, as Exim opens it early. */
struct option {
	int letter;
	int number;
};

static void
apply(const struct option *o)
{
	switch (o->letter) {
	case 'N':
		set_limit(RLIMIT_NOFILE, (rlim_t)o->number);
		break;
	case 'x':
		use_up_descriptors(o->number);
		break;
	case 'F':
		set_limit(RLIMIT_FSIZE, (rlim_t)o->number);
		break;
	case 'u':
		umask(0);
		break;
	case 'c':
		signal(SIGCHLD, SIG_IGN);
		break;
	case 's':
		block_signals();
		break;
	case 'C':
		close_standard();
		break;
	case 'U':
		become((unsigned)o->number);
		break;
	default:
		exit(2);
	}
}

static void
ask(const char *domain, const char *config, int calls)
{
	static char first[20000];
	bool differ = false;
	uschar *yield = NULL;

	for (int i = 0; i < calls; i++) {
		/* No NULL at the end, and arguments that may be written to. */
		char *copies[] = {strdup(domain), strdup(config)};
		uschar *argv[] = {(uschar *)copies[0], (uschar *)copies[1]};

		not_ok += query(&yield, 2, argv) != 0;
		if (i == 0)
			snprintf(first, sizeof(first), "%s", (char *)yield);
		else
			differ = differ || strcmp(first, (char *)yield) != 0;
		free(copies[0]);
		free(copies[1]);
	}
	dprintf(output_fd, "%s: %s%s\n", domain, (char *)yield,
	    differ ? " (answers differ)" : "");
}

/* What there is of everything that a call could leave behind. */
struct usage {
	int descriptors;
	long resident_kib;
	long long bytes; /* allocated; -1 where libc does not say */
	double us;
};

static struct usage
measure(void)
{
	struct usage u = {count_descriptors(), resident_kib(), -1, now_us()};
#ifdef __GLIBC__
	struct mallinfo2 info = mallinfo2();

	u.bytes = (long long)(info.uordblks + info.hblkhd);
#endif
	return u;
}

static void
report(const struct usage *before, const struct usage *after, int calls)
{
	int children = 0;

	while (waitpid(-1, NULL, WNOHANG) >= 0)
		children++;
	dprintf(output_fd, "not-ok: %u\n", not_ok);
	dprintf(output_fd, "descriptors-left: %d\n",
	    after->descriptors - before->descriptors);
	dprintf(output_fd, "children-left: %d\n", children);
	dprintf(output_fd, "bytes-left: %lld\n", after->bytes - before->bytes);
	dprintf(output_fd, "kib-grown: %ld\n",
	    after->resident_kib - before->resident_kib);
	dprintf(
	    output_fd, "us-per-call: %.1f\n", (after->us - before->us) / calls);
}

static void
open_object(const char *file)
{
	void *object = dlopen(file, RTLD_LAZY);

	if (object != NULL)
		query =
		    (exim_dlfunc_t *)(uintptr_t)dlsym(object, "mta_sts_query");
	if (query == NULL) {
		dprintf(output_fd, "%s\n", dlerror());
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct option options[32];
	struct usage before, after;
	int letter, count = 0, calls = 1;

	/* Where closing 0 to 2 does not reach it. */
	if (dup2(STDOUT_FILENO, OUTPUT_FD) == OUTPUT_FD)
		output_fd = OUTPUT_FD;
	while ((letter = getopt(argc, argv, "+n:N:x:F:ucsCU:")) != -1 &&
	    count < 32) {
		int number = optarg != NULL ? atoi(optarg) : 0;

		if (letter == 'n')
			calls = number;
		else
			options[count++] = (struct option){letter, number};
	}
	if (argc - optind < 3)
		return 2;
	open_object(argv[optind]);
	for (int i = 0; i < count; i++)
		apply(&options[i]);
	/* Once before measuring: what is allocated once is no leak. */
	for (int i = optind + 2; i < argc && calls > 1; i++)
		ask(argv[i], argv[optind + 1], 2);
	before = measure();
	for (int i = optind + 2; i < argc; i++)
		ask(argv[i], argv[optind + 1], calls);
	after = measure();
	report(&before, &after, calls * (argc - optind - 2));
	/* A sanitizer needs descriptors to look for leaks. */
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
		close(fd);
	return 0;
}
