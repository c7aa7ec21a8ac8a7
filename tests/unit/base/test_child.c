/* SPDX-License-Identifier: ISC */
/* Children: what reaches them of a hostile host, and what reaches the host. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "base/child.h"
#include "base/child_exec.h"
#include "tests/unit/lib/tap.h"

/* Less than a test waits, or a child that hangs does. */
enum { LONG_MS = 60000 };

enum { SOMEBODY = 65534 };

static char dir[] = "/tmp/test_child.XXXXXX";
static char helper[64];

/* What a process that was made hostile found out, for the test to judge. */
static struct shared {
	enum sts_status status;
	int low_descriptors; /* of ours that are 0, 1 or 2 */
	bool flags_right;    /* non-blocking, close-on-exec */
	bool errno_kept;
	bool mask_kept;
	int leaked; /* descriptors more than before */
	int wait_status;
	int64_t took_ms;
	char text[8192];
} * shared;

static struct sts_child_spec
spec_of(const char *mode)
{
	struct sts_child_spec spec = {
	    .path = helper, .argv = {"help_child", mode}, .want_stdout = true};

	return spec;
}

static struct sts_child_spec
shell_spec(const char *script)
{
	struct sts_child_spec spec = {.path = "/bin/sh",
	    .argv = {"sh", "-c", script},
	    .want_stdout = true};

	return spec;
}

static int
count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static bool
same_mask(const sigset_t *a, const sigset_t *b)
{
	for (int n = 1; n < NSIG; n++) {
		if (sigismember(a, n) != sigismember(b, n))
			return false;
	}
	return true;
}

static bool
right_flags(int fd)
{
	return fd < 0 ||
	    ((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
		(fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

/* Starts, reads all, finishes; what came of it goes to *shared. */
static void
run_child(const struct sts_child_spec *spec)
{
	int before = count_descriptors();
	int64_t start = sts_monotonic_ms();
	struct sts_child child;
	sigset_t mask, mask_after;
	ssize_t n;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	errno = ERANGE;
	shared->status = sts_child_start(&child, spec);
	shared->low_descriptors = (child.in_fd >= 0 && child.in_fd < 3) +
	    (child.out_fd >= 0 && child.out_fd < 3);
	shared->flags_right =
	    right_flags(child.in_fd) && right_flags(child.out_fd);
	n = sts_child_read(&child, shared->text, sizeof(shared->text) - 1,
	    false, start + TAP_WAIT_MS);
	shared->text[n > 0 ? n : 0] = '\0';
	shared->wait_status = sts_child_finish(&child, start + TAP_WAIT_MS);
	shared->errno_kept = errno == ERANGE;
	shared->took_ms = sts_monotonic_ms() - start;
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	shared->mask_kept = same_mask(&mask, &mask_after);
	shared->leaked = count_descriptors() - before;
}

/* The same in a process that `prepare` has made hostile. */
static void
run_hostile(void (*prepare)(void), const struct sts_child_spec *spec)
{
	pid_t pid;
	int status = -1;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	if ((pid = fork()) == 0) {
		if (prepare != NULL)
			prepare();
		run_child(spec);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	ok(pid > 0 && status == 0, "the host survived");
}

/* True where the child printed this line. */
static bool
printed(const char *line)
{
	size_t len = strlen(line);

	for (const char *p = shared->text; (p = strstr(p, line)) != NULL; p++) {
		if ((p == shared->text || p[-1] == '\n') && p[len] == '\n')
			return true;
	}
	return false;
}

static bool
said(const char *line)
{
	if (printed(line))
		return true;
	tap_diag("no line '%s' in:", line);
	for (char *p = shared->text; *p != '\0';) {
		int len = (int)strcspn(p, "\n");

		tap_diag("%.*s", len, p);
		p += len + (p[len] != '\0');
	}
	return false;
}

static void
check_clean_state(const char *when)
{
	is_int(shared->status, STS_OK, "%s: started", when);
	ok(said("session=own") && said("cwd=/") && said("umask=077"),
	    "%s: own session, /, umask 077", when);
	ok(said("environment=0") && said("alarm=0"),
	    "%s: no environment, no alarm", when);
	ok(said("blocked=0") && said("ignored=0"),
	    "%s: all signals at their default", when);
	ok(said("descriptors=0,1,2,"), "%s: no descriptor but 0 to 2", when);
	ok(said("fd0=null") && said("fd1=pipe") && said("fd2=null"),
	    "%s: /dev/null, the pipe, /dev/null", when);
	ok(said("core=0"), "%s: no core file", when);
#ifdef __linux__
	ok(said("no_new_privs=1"), "%s: no new privileges", when);
#endif
	is_int(shared->wait_status, 0, "%s: reaped", when);
	ok(shared->errno_kept, "%s: errno of the host is as before", when);
	ok(shared->mask_kept, "%s: its signal mask too", when);
	is_int(shared->leaked, 0, "%s: its descriptors too", when);
	ok(shared->low_descriptors == 0 && shared->flags_right,
	    "%s: our ends are above 2, non-blocking, close-on-exec", when);
}

/* glibc's functions take an enum of its own. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_number;
#else
typedef int resource_number;
#endif

static void
set_soft(resource_number resource, rlim_t soft)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	limit.rlim_cur = soft;
	setrlimit(resource, &limit);
}

static void
set_hard(resource_number resource, rlim_t hard)
{
	struct rlimit limit = {hard, hard};

	setrlimit(resource, &limit);
}

/* Everything that Exim was seen to be called with, and worse. */
static void
make_hostile(void)
{
	sigset_t all;

	umask(0);
	if (chdir(dir) != 0)
		_exit(99);
	setenv("TZ", "Nowhere", 1);
	setenv("LD_PRELOAD", "", 1);
	for (int fd = 3; fd < 200; fd++)
		(void)dup2(1, fd);
	(void)dup2(1, 900);
	for (int n = 1; n < NSIG; n++) {
		if (n != SIGCHLD)
			(void)signal(n, SIG_IGN);
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	set_soft(RLIMIT_FSIZE, 2048);
	set_soft(RLIMIT_STACK, 256 * 1024);
	set_soft(RLIMIT_NOFILE, 220);
	set_soft(RLIMIT_CPU, 30);
}

static void
test_clean(void)
{
	struct sts_child_spec spec = spec_of("state");

	run_hostile(NULL, &spec);
	check_clean_state("plain host");
	run_hostile(make_hostile, &spec);
	check_clean_state("hostile host");
	ok(!printed("fsize=2048") && !printed("nofile=220") &&
		!printed("cpu=30"),
	    "soft limits of the host do not reach the child");
	spec.may_gain = true;
	run_hostile(make_hostile, &spec);
	ok(printed("fsize=2048") && printed("nofile=220") &&
		printed("cpu=30") && printed("core=0"),
	    "those of a sendmail are the host's, without core files");
}

static void
close_standard(void)
{
	close(0);
	close(1);
	close(2);
}

static void
close_output(void)
{
	close(1);
}

static void
test_closed_standard_descriptors(void)
{
	struct sts_child_spec spec = spec_of("state");

	run_hostile(close_standard, &spec);
	check_clean_state("0 to 2 closed");
	spec.inherit_stderr = true;
	run_hostile(close_standard, &spec);
	ok(said("fd2=null"), "an inherited descriptor 2 that is closed");
	run_hostile(close_output, &spec);
	ok(said("fd1=pipe") && said("fd0=null"), "1 closed");
}

#ifdef __linux__
/* Makes a system call look as if the kernel did not have it. */
static void
hide_call(unsigned number)
{
	struct sock_filter code[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(98);
}

static void
without_close_range(void)
{
	make_hostile();
	hide_call(SYS_close_range);
}

static void
without_proc(void)
{
	without_close_range();
	hide_call(SYS_getdents64);
}

static void
test_closing_fallbacks(void)
{
	struct sts_child_spec spec = spec_of("state");

	run_hostile(without_close_range, &spec);
	check_clean_state("no close_range");
	run_hostile(without_proc, &spec);
	check_clean_state("no close_range and no /proc");
}
#else
static void
test_closing_fallbacks(void)
{
	tap_skip("closing without close_range", "seccomp is Linux's");
}
#endif

/* Root without CAP_SYS_RESOURCE, in a container, cannot lift a hard limit. */
static bool
can_lift_limits(void)
{
	const struct rlimit low = {1000, 1000}, high = {2000, 2000};
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setrlimit(RLIMIT_FSIZE, &low) != 0 ||
		    setrlimit(RLIMIT_FSIZE, &high) != 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void
lower_hard_limits(void)
{
	set_hard(RLIMIT_FSIZE, 2048);
	set_hard(RLIMIT_NOFILE, 20);
	set_hard(RLIMIT_CPU, 30);
	set_hard(RLIMIT_STACK, 512 * 1024);
	/* Where it stays, it counts what else that user is running. */
	if (can_lift_limits())
		set_hard(RLIMIT_NPROC, 1);
}

static void
become_somebody(void)
{
	if (setgid(SOMEBODY) != 0 || setuid(SOMEBODY) != 0)
		_exit(97);
}

static void
become_somebody_half(void)
{
	if (setresgid(0, SOMEBODY, 0) != 0 || setresuid(0, SOMEBODY, 0) != 0)
		_exit(97);
}

static void
no_processes(void)
{
	become_somebody();
	set_hard(RLIMIT_NPROC, 0);
}

static void
test_as_root(void)
{
	struct sts_child_spec spec = spec_of("state");

	if (geteuid() != 0) {
		tap_skip("dropping root", "not run by root");
		return;
	}
	spec.drop = true;
	spec.uid = spec.gid = SOMEBODY;
	run_hostile(make_hostile, &spec);
	check_clean_state("dropped");
	ok(said("uids=65534,65534,65534") && said("gids=65534,65534,65534"),
	    "real, effective and saved ids are the ones named");
	ok(said("groups=1"), "and no group of root's");
	run_hostile(lower_hard_limits, &spec);
	is_int(shared->status, STS_OK, "under a local user's hard limits");
	if (!can_lift_limits())
		tap_skip("hard limits are lifted", "no CAP_SYS_RESOURCE here");
	else
		ok(said("fsize=1073741824") && said("nofile=4096") &&
			said("cpu=-1") && said("stack=8388608") &&
			said("nproc=-1"),
		    "they are lifted while still root");
	spec.drop = false;
	run_hostile(become_somebody_half, &spec);
	ok(said("uids=65534,65534,65534") && said("gids=65534,65534,65534"),
	    "a host that could become root again: its child cannot");
	run_hostile(no_processes, &spec);
	is_int(shared->status, STS_NO_DESCRIPTORS, "no process left");
	ok(shared->leaked == 0 && shared->errno_kept, "no descriptor lost");
}

/* The set-user-id bit counts here: not on a file system mounted nosuid. */
static bool
set_user_id_works(const char *program)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		become_somebody();
		execl("/bin/sh", "sh", "-c",
		    "\"$0\" state | grep -q '^uids=65534,0,0$'", program,
		    (char *)NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static void
test_set_user_id(void)
{
	char program[80], script[100], command[300];
	struct sts_child_spec spec = shell_spec(script);

	if (geteuid() != 0) {
		tap_skip("a set-user-id program", "not run by root");
		return;
	}
	snprintf(program, sizeof(program), "%s/set_user_id", dir);
	snprintf(command, sizeof(command), "cp '%s' '%s' && chmod 4755 '%s'",
	    helper, program, program);
	snprintf(script, sizeof(script), "%s state", program);
	spec.drop = true;
	spec.uid = spec.gid = SOMEBODY;
	if (system(command) != 0 || !set_user_id_works(program)) {
		tap_skip("a set-user-id program", "its bit has no effect here");
	} else {
		run_hostile(NULL, &spec);
		ok(said("uids=65534,65534,65534"),
		    "a set-user-id program that a child executes gains "
		    "nothing");
		spec.detach = true;
		run_hostile(NULL, &spec);
		ok(said("uids=65534,65534,65534"), "nor where it is detached");
	}
	(void)unlink(program);
}

static void
test_memory(void)
{
	struct sts_child_spec spec = spec_of("grow");
	const char *mib;

#ifdef STS_SANITIZED
	tap_skip("memory", "a sanitizer has a shadow of it");
	return;
#endif
	run_hostile(NULL, &spec);
	mib = strstr(shared->text, "mib=");
	ok(mib != NULL && atoi(mib + 4) > 256 && atoi(mib + 4) <= 512,
	    "a child gets 256 MiB of memory, and not more than 512");
}

static void
test_refused_drops(void)
{
	struct sts_child_spec spec = spec_of("state");

	spec.drop = true;
	spec.gid = SOMEBODY;
	run_hostile(NULL, &spec);
	is_int(shared->status, STS_RESOLVER_ROOT, "uid 0 is refused");
	spec.uid = SOMEBODY;
	spec.gid = 0;
	run_hostile(NULL, &spec);
	is_int(shared->status, STS_RESOLVER_ROOT, "gid 0 is refused");
	spec.gid = SOMEBODY;
	run_hostile(geteuid() == 0 ? become_somebody : NULL, &spec);
	is_int(shared->status, STS_RESOLVER_ROOT,
	    "a drop that is not possible is told");
	is_str(shared->text, "", "and nothing was executed");
}

static void
expect_missing(const char *path, const char *what)
{
	struct sts_child_spec spec = spec_of("state");

	spec.path = path;
	run_hostile(NULL, &spec);
	is_int(shared->status, STS_RESOLVER_MISSING, "%s", what);
	ok(shared->leaked == 0 && shared->took_ms < LONG_MS,
	    "%s: at once, without a leak", what);
}

static void
test_not_executable(void)
{
	char path[80];
	FILE *f;

	expect_missing(NULL, "no path");
	expect_missing("bin/sh", "a relative path");
	expect_missing("/nonexistent/resolver", "a missing file");
	expect_missing("/etc", "a directory");
	snprintf(path, sizeof(path), "%s/script", dir);
	if ((f = fopen(path, "w")) == NULL)
		return;
	fputs("#!/nonexistent/sh\n", f);
	fclose(f);
	(void)chmod(path, 0644);
	expect_missing(path, "a file without the x bit");
	(void)chmod(path, 0755);
	expect_missing(path, "a script without its interpreter");
	(void)unlink(path);
}

static void
exhaust_descriptors(void)
{
	set_soft(RLIMIT_NOFILE, 20);
	while (dup(1) >= 0)
		continue;
}

static void
leave_four_descriptors(void)
{
	exhaust_descriptors();
	for (int fd = 16; fd < 20; fd++)
		close(fd);
}

static void
test_few_descriptors(void)
{
	struct sts_child_spec spec = spec_of("state");

	run_hostile(exhaust_descriptors, &spec);
	is_int(shared->status, STS_NO_DESCRIPTORS, "no descriptor left");
	ok(shared->leaked == 0 && shared->errno_kept, "nothing changed");
	run_hostile(leave_four_descriptors, &spec);
	check_clean_state("two pipes' worth of descriptors");
	spec.want_stdin = true;
	run_hostile(leave_four_descriptors, &spec);
	is_int(shared->status, STS_NO_DESCRIPTORS, "but not three");
	is_int(shared->leaked, 0, "nothing is left open");
}

/* A file as the input, of which is known how much was read. */
static void
test_input_file(void)
{
	struct sts_child_spec spec = spec_of("cat");
	int64_t deadline = sts_monotonic_ms() + TAP_WAIT_MS;
	FILE *file = tmpfile();
	struct sts_child child;
	char buf[100] = "";

	if (!ok(file != NULL && fputs("a text", file) >= 0 &&
		    fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0,
		"a file"))
		return;
	spec.stdin_fd = fileno(file);
	is_int(sts_child_start(&child, &spec), STS_OK, "as the input");
	is_int(child.in_fd, -1, "there is no pipe");
	(void)sts_child_read(&child, buf, sizeof(buf) - 1, false, deadline);
	is_str(buf, "a text", "is read by the child");
	is_int(sts_child_finish(&child, deadline), 0, "to its end");
	is_int((long long)lseek(fileno(file), 0, SEEK_CUR), 6,
	    "its offset is ours, too");
	(void)fclose(file);
}

static void
test_input(void)
{
	struct sts_child_spec spec = spec_of("cat");
	int64_t deadline = sts_monotonic_ms() + TAP_WAIT_MS;
	struct sts_child child;
	char buf[100];

	spec.want_stdin = true;
	is_int(sts_child_start(&child, &spec), STS_OK, "with an input");
	ok(child.in_fd > 2 && child.out_fd > 2, "both pipes are there");
	ok(write(child.in_fd, "one\ntwo\nthr", 11) == 11, "we write");
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 4,
	    "one line");
	ok(memcmp(buf, "one\n", 4) == 0, "is read with its end");
	is_int(sts_child_read(&child, buf, 2, true, deadline), 2,
	    "no more than there is room for");
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 2,
	    "the rest of that line");
	is_int(sts_child_read(
		   &child, buf, sizeof(buf), true, sts_monotonic_ms() + 50),
	    -1, "an unfinished line at the deadline");
	close(child.in_fd);
	child.in_fd = -1;
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 0,
	    "end of file");
	is_int(sts_child_finish(&child, deadline), 0, "and its exit status");
	ok(child.pid == -1 && child.in_fd == -1 && child.out_fd == -1,
	    "nothing is left in the struct");
	is_int(sts_child_finish(&child, deadline), -1, "twice is harmless");
}

static void
test_unfinished_line(void)
{
	struct sts_child_spec spec = shell_spec("printf 'a\\nbc'; exit 7");
	int64_t deadline = sts_monotonic_ms() + TAP_WAIT_MS;
	struct sts_child child;
	char buf[100];

	is_int(sts_child_start(&child, &spec), STS_OK, "a shell");
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 2,
	    "a line");
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 2,
	    "a last line without an end");
	is_int(WEXITSTATUS(sts_child_finish(&child, deadline)), 7, "status");
}

/* What nobody reads any more costs a child its pipe, not its life. */
static void
test_late_line(void)
{
	struct sts_child_spec spec =
	    shell_spec("echo a; read x; sleep 0.1; echo b; echo c; exit 7");
	int64_t deadline = sts_monotonic_ms() + TAP_WAIT_MS;
	struct sts_child child;
	char buf[100];

	spec.want_stdin = true;
	is_int(sts_child_start(&child, &spec), STS_OK, "a shell");
	is_int(sts_child_read(&child, buf, sizeof(buf), true, deadline), 2,
	    "a line");
	is_int(sts_child_finish(&child, deadline), 7 << 8,
	    "it exits by itself after lines that nobody read");
}

/*
 * A child that hangs, and one of its own that hangs too: both hold a FIFO
 * open, which ends when they have gone.
 */
static void
test_deadline(void)
{
	char script[200], fifo[80], buf[100];
	struct sts_child_spec spec = shell_spec(script);
	int64_t start = sts_monotonic_ms();
	struct sts_child child;
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(script, sizeof(script),
	    "trap '' HUP TERM; exec 9>%s; sleep 100 & echo $$; wait", fifo);
	if (mkfifo(fifo, 0600) != 0 ||
	    (fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		return;
	is_int(sts_child_start(&child, &spec), STS_OK, "a child that hangs");
	ok(sts_child_read(&child, buf, sizeof(buf), true, start + TAP_WAIT_MS) >
		0,
	    "has begun");
	ok(read(fd, buf, 1) < 0 && errno == EAGAIN, "it holds the FIFO");
	is_int(sts_child_read(
		   &child, buf, sizeof(buf), false, sts_monotonic_ms() + 200),
	    -1, "the deadline of a read");
	is_int(sts_child_finish(&child, sts_monotonic_ms() + 200), -1,
	    "killed at the deadline");
	ok(sts_monotonic_ms() - start < LONG_MS, "in time");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no zombie");
	for (int i = 0; i < TAP_WAIT_MS / 10 && read(fd, buf, 1) < 0; i++)
		usleep(10000);
	is_int(read(fd, buf, 1), 0, "nor is a child of its own left");
	close(fd);
	(void)unlink(fifo);
}

static void
ignore_sigchld(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
}

static void
reap_all(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static void
handle_sigchld(void)
{
	(void)signal(SIGCHLD, reap_all);
}

/* It leaves errno alone, as every handler must: we may be about to read it. */
static void
tick(int number)
{
	(void)number;
}

/* A host whose timer interrupts every system call. */
static void
storm(void)
{
	struct itimerval timer = {{0, 500}, {0, 500}};
	struct sigaction action = {.sa_handler = tick};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void
test_signals_of_the_host(void)
{
	struct sts_child_spec spec = spec_of("state");

	run_hostile(ignore_sigchld, &spec);
	is_int(shared->status, STS_OK, "SIGCHLD ignored: started");
	ok(said("session=own"), "SIGCHLD ignored: its output is read");
	is_int(shared->wait_status, -1, "SIGCHLD ignored: no status, no hang");
	ok(shared->took_ms < LONG_MS, "SIGCHLD ignored: in time");
	run_hostile(handle_sigchld, &spec);
	ok(shared->status == STS_OK && said("session=own"),
	    "a handler that reaps everything");
	spec = shell_spec("sleep 0.2; echo done");
	run_hostile(storm, &spec);
	is_int(shared->status, STS_OK, "interrupted system calls: started");
	ok(said("done"), "interrupted system calls: read to the end");
	is_int(shared->wait_status, 0, "interrupted system calls: reaped");
}

static void
test_detached(void)
{
	struct sts_child_spec spec = shell_spec("echo a; sleep 0.3; echo b");
	int64_t deadline = sts_monotonic_ms() + TAP_WAIT_MS;
	struct sts_child child;
	char buf[100];

	spec.detach = true;
	is_int(sts_child_start(&child, &spec), STS_OK, "detached");
	is_int(child.pid, -1, "is not our child");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
	    "nothing is there to reap");
	is_int(sts_child_read(&child, buf, sizeof(buf), false, deadline), 4,
	    "all its output can be read");
	is_int(sts_child_finish(&child, deadline), -1, "no status");
	spec.path = "/nonexistent/resolver";
	is_int(sts_child_start(&child, &spec), STS_RESOLVER_MISSING,
	    "a detached one that is missing is told too");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no zombie");
}

static void
test_lifetime(void)
{
	struct sts_child_spec spec = spec_of("hang");
	int64_t start = sts_monotonic_ms();
	struct sts_child child;
	char buf[100];

	spec.detach = true;
	spec.lifetime = 1;
	is_int(sts_child_start(&child, &spec), STS_OK, "a lifetime of 1 s");
	is_int(sts_child_read(
		   &child, buf, sizeof(buf), false, start + TAP_WAIT_MS),
	    0, "ends a detached child that hangs");
	ok(sts_monotonic_ms() - start < LONG_MS, "in time");
	sts_child_close(&child);
}

/* Somebody else must be able to reach the helper. */
static bool
copy_helper(void)
{
	const char *build = getenv("B") != NULL ? getenv("B") : "build";
	char command[300];

	snprintf(helper, sizeof(helper), "%s/help_child", dir);
	snprintf(command, sizeof(command),
	    "cp '%s/tests/help_child' '%s' && chmod 755 '%s' '%s'", build,
	    helper, dir, helper);
	return system(command) == 0;
}

int
main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || mkdtemp(dir) == NULL || !copy_helper()) {
		printf("Bail out! cannot copy the helper program\n");
		return 1;
	}
	test_clean();
	test_closed_standard_descriptors();
	test_closing_fallbacks();
	test_as_root();
	test_set_user_id();
	test_memory();
	test_refused_drops();
	test_not_executable();
	test_few_descriptors();
	test_input();
	test_input_file();
	test_unfinished_line();
	test_late_line();
	test_deadline();
	test_signals_of_the_host();
	test_detached();
	test_lifetime();
	(void)unlink(helper);
	(void)rmdir(dir);
	return tap_done();
}
