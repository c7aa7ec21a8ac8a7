/* SPDX-License-Identifier: ISC */
/*
 * How long dlopen takes: "load FILE [COUNT]" forks COUNT times, as Exim does
 * for each delivery, has each child open FILE with RTLD_LAZY, and prints the
 * median in microseconds.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One child's time, through a pipe; negative where it failed. */
static double
load_once(const char *file)
{
	double took = -1;
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		double start = now_us();

		if (dlopen(file, RTLD_LAZY) != NULL)
			took = now_us() - start;
		else
			fprintf(stderr, "%s\n", dlerror());
		_exit(write(fds[1], &took, sizeof(took)) < 0);
	}
	close(fds[1]);
	if (read(fds[0], &took, sizeof(took)) != sizeof(took))
		took = -1;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return took;
}

int
main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 200;
	double *took;

	if (argc < 2 || count < 1 ||
	    (took = calloc((size_t)count, sizeof(*took))) == NULL)
		return 2;
	for (int i = 0; i < count; i++) {
		if ((took[i] = load_once(argv[1])) < 0)
			return 1;
	}
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("%.0f\n", took[count / 2]);
	free(took);
	return 0;
}
