/* SPDX-License-Identifier: ISC */
/*
 * A child that says what was passed on to it: "help_child state" prints
 * key=value lines about itself, "help_child cat" copies its input,
 * "help_child grow" allocates until it gets no more,
 * "help_child hang" ignores what can be ignored and sleeps.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

extern char **environ;

/* glibc's functions take an enum of its own. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_number;
#else
typedef int resource_number;
#endif

static void
print_limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = {{"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU},
	    {"fsize", RLIMIT_FSIZE}, {"data", RLIMIT_DATA},
	    {"stack", RLIMIT_STACK}, {"nofile", RLIMIT_NOFILE},
	    {"as", RLIMIT_AS}, {"nproc", RLIMIT_NPROC}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit l;

		getrlimit((resource_number)limits[i].resource, &l);
		printf("%s=%lld\n", limits[i].name,
		    l.rlim_cur == RLIM_INFINITY ? -1LL : (long long)l.rlim_cur);
	}
}

static void
print_signals(void)
{
	unsigned blocked = 0, ignored = 0;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int n = 1; n < NSIG; n++) {
		struct sigaction action;

		blocked += sigismember(&mask, n) == 1;
		/* exec resets handlers; what is ignored stays so. */
		ignored += sigaction(n, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN;
	}
	printf("blocked=%u\nignored=%u\n", blocked, ignored);
}

/* Open descriptors, those that readdir itself needs left out. */
static void
print_descriptors(void)
{
	struct stat null, st;

	printf("descriptors=");
	for (int fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d,", fd);
	}
	printf("\n");
	if (stat("/dev/null", &null) != 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		printf("fd%d=%s\n", fd,
		    fstat(fd, &st) != 0              ? "closed"
			: S_ISFIFO(st.st_mode)       ? "pipe"
			: st.st_rdev == null.st_rdev ? "null"
						     : "other");
}

static void
print_state(void)
{
	gid_t groups[64];
	int group_count = getgroups(64, groups);
	mode_t mask = umask(0);
	char cwd[256];
	uid_t r, e, s;
	gid_t rg, eg, sg;
	size_t env = 0;

	while (environ[env] != NULL)
		env++;
	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("uids=%u,%u,%u\ngids=%u,%u,%u\ngroups=%d\n", r, e, s, rg, eg, sg,
	    group_count);
	printf("session=%s\n", getsid(0) == getpid() ? "own" : "inherited");
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)));
	printf("umask=%03o\nenvironment=%zu\n", (unsigned)mask, env);
	printf("alarm=%u\n", alarm(0));
#ifdef PR_GET_NO_NEW_PRIVS
	printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
#endif
	print_signals();
	print_descriptors();
	print_limits();
}

static int
copy_input(void)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		if (write(1, buf, (size_t)n) != n)
			return 1;
	}
	return n == 0 ? 0 : 1;
}

/* Asks for more and more memory; how many MiB there were. */
static int
grow(void)
{
	/* volatile: a compiler may take away what is never used */
	void *volatile block;
	size_t mib = 0;

	while (mib < 4096 && (block = malloc((size_t)1 << 20)) != NULL)
		mib++;
	printf("mib=%zu\n", mib);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "state") == 0) {
		print_state();
		return 0;
	}
	if (strcmp(mode, "grow") == 0)
		return grow();
	if (strcmp(mode, "cat") == 0)
		return copy_input();
	if (strcmp(mode, "hang") == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		for (;;)
			(void)pause();
	}
	return 2;
}
