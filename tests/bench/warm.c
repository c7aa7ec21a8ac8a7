/* SPDX-License-Identifier: ISC */
/*
 * A decision from the store, beside a bare reading of the files that it needs:
 *
 *	warm [-b | -c] [-f] [-n DOMAINS] [-s STEP] OBJECT CONFIGURATION STATE
 *	    KIND COUNT
 *
 * calls mta_sts_query of OBJECT COUNT times, for nN.example, as fill.c makes
 * them: DOMAINS numbers in turn, from 0 on and STEP apart (1 and 1 where they
 * are not given).  KIND is "policy", "none", or "any": what the answer must be,
 * and which files -b opens, fstats, reads and closes instead; -c asks the
 * kernel besides who could have changed them, as the object does, and no more.
 * With -f each call is the first one of a process of its own, forked when the
 * object is open.  Prints the CPU of a call in microseconds; with -f, that of
 * the median.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"

typedef int exim_function(
    unsigned char **yield, int argc, unsigned char *argv[]);

static exim_function *query;
static const char *conf, *state;
static bool is_bare, is_careful, has_policy;
static long domains = 1, step = 1;
static const char *want = "mode=";

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool
read_file(const char *path)
{
	char text[4096];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good =
	    fd >= 0 && fstat(fd, &st) == 0 && read(fd, text, sizeof(text)) > 0;

	return close(fd) == 0 && good;
}

/* The files that a decision is made from; "none" is known from a check alone.
 */
static bool
read_bare(const char *domain)
{
	char path[600];
	unsigned bucket = sts_file_bucket(domain);

	if (!read_file(conf))
		return false;
	snprintf(
	    path, sizeof(path), "%s/checks/%02x/%s", state, bucket, domain);
	if (!read_file(path))
		return false;
	snprintf(
	    path, sizeof(path), "%s/policies/%02x/%s", state, bucket, domain);
	return read_file(path) == has_policy;
}

/* Each directory on the way to the configuration. */
static bool
look_at_way(const char *path)
{
	char part[600];
	struct stat st;

	if (lstat("/", &st) != 0)
		return false;
	for (const char *p = path + 1; p != NULL;) {
		p = strchr(p, '/');
		snprintf(part, sizeof(part), "%.*s",
		    (int)(p != NULL ? p - path : (long)strlen(path)), path);
		if (lstat(part, &st) != 0)
			return false;
		p = p != NULL ? p + 1 : NULL;
	}
	return true;
}

/* A file of the store, and its directory. */
static bool
read_in(int store, const char *kind, const char *domain)
{
	char path[64], text[4096];
	struct stat st;
	bool good = false;
	int dir, fd;

	snprintf(path, sizeof(path), "%s/%02x", kind, sts_file_bucket(domain));
	dir = openat(
	    store, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) != 0)
		return false;
	fd = openat(dir, domain, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		good = fstat(fd, &st) == 0 && read(fd, text, sizeof(text)) > 0;
		close(fd);
	}
	close(dir);
	return good;
}

static bool
read_carefully(const char *domain)
{
	struct stat st;
	bool good;
	int store;

	if (!look_at_way(conf) || !read_file(conf) ||
	    (store = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return false;
	good = fstat(store, &st) == 0 &&
	    faccessat(store, ".", X_OK, AT_EACCESS) == 0 &&
	    read_in(store, "checks", domain) &&
	    read_in(store, "policies", domain) == has_policy;
	close(store);
	return good;
}

static bool
decide(const char *domain)
{
	unsigned char *argv[] = {(unsigned char *)(uintptr_t)domain,
	    (unsigned char *)(uintptr_t)conf};
	unsigned char *yield = NULL;

	return query(&yield, 2, argv) == 0 &&
	    strncmp((char *)yield, want, strlen(want)) == 0 &&
	    strncmp((char *)yield, "mode=defer", 10) != 0;
}

static bool
call(long number)
{
	char domain[64];

	snprintf(
	    domain, sizeof(domain), "n%ld.example", number % domains * step);
	if (is_careful)
		return read_carefully(domain);
	return is_bare ? read_bare(domain) : decide(domain);
}

/* The CPU of the first call of a process; negative where it failed. */
static double
fresh(long number)
{
	double took = -1;
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		double began = cpu_us();

		if (call(number))
			took = cpu_us() - began;
		_exit(write(fds[1], &took, sizeof(took)) < 0);
	}
	close(fds[1]);
	if (read(fds[0], &took, sizeof(took)) != sizeof(took))
		took = -1;
	close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	return took;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
all_fresh(long count)
{
	double *took = calloc((size_t)count, sizeof(*took)), median = -1;

	if (took == NULL)
		return -1;
	for (long i = 0; i < count; i++)
		took[i] = fresh(i);
	qsort(took, (size_t)count, sizeof(*took), compare);
	if (took[0] >= 0)
		median = took[count / 2];
	free(took);
	return median;
}

static double
all_in_one(long count)
{
	double began;

	for (long i = 0; i < domains && i < count; i++) {
		if (!call(i))
			return -1;
	}
	began = cpu_us();
	for (long i = 0; i < count; i++) {
		if (!call(i))
			return -1;
	}
	return (cpu_us() - began) / (double)count;
}

static bool
open_object(const char *file)
{
	void *object = dlopen(file, RTLD_LAZY);

	if (object == NULL)
		return false;
	query = (exim_function *)(uintptr_t)dlsym(object, "mta_sts_query");
	return query != NULL;
}

int
main(int argc, char **argv)
{
	bool forks = false;
	double took;
	int letter;
	long count;

	while ((letter = getopt(argc, argv, "bcfn:s:")) != -1) {
		is_bare = is_bare || letter == 'b';
		is_careful = is_careful || letter == 'c';
		forks = forks || letter == 'f';
		if (letter == 'n')
			domains = atol(optarg);
		if (letter == 's')
			step = atol(optarg);
	}
	if (argc - optind != 5 || domains < 1 ||
	    (count = atol(argv[optind + 4])) < 1)
		return 2;
	conf = argv[optind + 1];
	state = argv[optind + 2];
	has_policy = strcmp(argv[optind + 3], "policy") == 0;
	if (strcmp(argv[optind + 3], "any") != 0)
		want = has_policy ? "mode=enforce" : "mode=none";
	if (!open_object(argv[optind]))
		return 1;
	if ((took = forks ? all_fresh(count) : all_in_one(count)) < 0) {
		fprintf(stderr, "warm: an answer was wrong\n");
		return 1;
	}
	printf("%.3f\n", took);
	return 0;
}
