/* SPDX-License-Identifier: ISC */
/*
 * Exim's daemon at SIGHUP: it counts as serving only if it starts anew, listens
 * where it did, and stays.  The daemon here is this program, run as
 * "test_exim_daemon -bd -qDIRECTORY/FAULT".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"
#include "exim/enable/exim_daemon.h"
#include "tests/unit/lib/tap.h"

static char top[] = "/tmp/mta-sts-daemon.XXXXXX";
static char pid_file[64], port_file[64], count_file[64], self[512];

static long
number_in(const char *path)
{
	FILE *in = fopen(path, "r");
	long number = 0;

	if (in == NULL)
		return 0;
	if (fscanf(in, "%ld", &number) != 1)
		number = 0;
	fclose(in);
	return number;
}

static void
put_number(const char *path, long number)
{
	char draft[80];
	FILE *out;

	snprintf(draft, sizeof(draft), "%s.new", path);
	out = fopen(draft, "w");
	if (out == NULL)
		return;
	fprintf(out, "%ld\n", number);
	fclose(out);
	(void)rename(draft, path);
}

/* On the port of before, or any. */
static int
listen_there(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)number_in(port_file)),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 5) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		_exit(1);
	put_number(port_file, ntohs(at.sin_port));
	return fd;
}

static void
sleep_ms(long ms)
{
	const struct timespec for_ = {
	    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&for_, NULL);
}

static void
name_files(const char *dir)
{
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
	snprintf(port_file, sizeof(port_file), "%s/port", dir);
	snprintf(count_file, sizeof(count_file), "%s/count", dir);
}

/* Waits for SIGHUP, at most a minute: whatever becomes of the test, it ends. */
static void
await_hang_up(char **argv, const char *fault)
{
	const struct timespec minute = {.tv_sec = 60};
	sigset_t hup;

	(void)sigemptyset(&hup);
	(void)sigaddset(&hup, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &hup, NULL);
	put_number(pid_file, getpid());
	if (strcmp(fault, "dies-later") == 0 && number_in(count_file) == 2) {
		sleep_ms(300);
		return;
	}
	if (sigtimedwait(&hup, NULL, &minute) == SIGHUP &&
	    strcmp(fault, "does-not-obey") != 0)
		(void)execv(self, argv);
	(void)sigtimedwait(&hup, NULL, &minute);
}

/* The daemon; its fault is that of its second start, by SIGHUP. */
static int
run_daemon(char **argv)
{
	const char *fault = strrchr(argv[2], '/') + 1;
	char dir[64];
	long starts;
	bool again;

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(fault - argv[2]) - 3,
	    argv[2] + strlen("-q"));
	name_files(dir);
	starts = number_in(count_file);
	again = number_in(pid_file) == getpid();
	if ((!again || strcmp(fault, "forks") == 0) && fork() != 0)
		return 0;
	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	put_number(count_file, starts + 1);
	if (again && strcmp(fault, "dies") == 0)
		return 1;
	if (again && strcmp(fault, "is-late") == 0)
		sleep_ms(500);
	if (strcmp(fault, "has-a-queue") != 0 &&
	    !(again && strcmp(fault, "is-deaf") == 0))
		(void)listen_there();
	await_hang_up(argv, fault);
	return 0;
}

static struct sts_daemon daemon_;

/* Starts one with that fault, and finds it. */
static void
start(const char *fault)
{
	char word[128];
	const char *argv[] = {self, "-bd", word, NULL};

	(void)snprintf(word, sizeof(word), "-q%s/%s", top, fault);
	(void)unlink(pid_file);
	(void)unlink(port_file);
	(void)unlink(count_file);
	(void)sts_command_run(NULL, argv);
	for (int i = 0; i < 600 && number_in(pid_file) == 0; i++)
		sleep_ms(50);
	sts_daemon_find(&daemon_, self, pid_file);
	daemon_.stays_ms = 50;
}

static void
stop(void)
{
	pid_t pid = (pid_t)number_in(pid_file);

	if (pid > 1 && daemon_.pid != 0)
		(void)kill(pid, SIGKILL);
}

static void
test_serves(void)
{
	static const char *const rows[] = {
	    "does-well", "is-late", "forks", "has-a-queue"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(rows[i]);
		is_int(daemon_.pid, number_in(pid_file), "one that %s is found",
		    rows[i]);
		is_int((long long)daemon_.ports.count,
		    strcmp(rows[i], "has-a-queue") != 0, "with its port");
		ok(sts_daemon_hang_up(&daemon_), "it serves: %s", daemon_.why);
		for (int n = 0; n < 600 && number_in(count_file) < 2; n++)
			sleep_ms(50);
		is_int(number_in(count_file), 2, "started anew");
		stop();
	}
}

static void
test_ended(void)
{
	char command[STS_DAEMON_COMMAND_BYTES], wanted[1024];
	static const char *const rows[] = {"dies", "dies-later"};

	for (size_t i = 0; i < 2; i++) {
		start(rows[i]);
		daemon_.gone_ms = 200;
		daemon_.stays_ms = 30000;
		ok(!sts_daemon_hang_up(&daemon_), "one that %s", rows[i]);
		is_str(daemon_.why, "Exim's daemon has ended", "has ended");
		snprintf(wanted, sizeof(wanted), "%s -bd -q%s/%s", self, top,
		    rows[i]);
		is_str(sts_daemon_command(&daemon_, command), wanted,
		    "how it was started is known");
		daemon_.stays_ms = 50;
		daemon_.gone_ms = 30000;
		ok(sts_daemon_start(&daemon_), "which starts it: %s",
		    daemon_.why);
		stop();
	}
}

static void
test_does_not_serve(void)
{
	char wanted[128];

	start("is-deaf");
	daemon_.wait_ms = 200;
	ok(!sts_daemon_hang_up(&daemon_), "one that is deaf does not serve");
	for (int n = 0; n < 600 && number_in(count_file) < 2; n++)
		sleep_ms(50);
	/* It has closed its socket by then. */
	ok(!sts_daemon_start(&daemon_), "nor later");
	snprintf(wanted, sizeof(wanted),
	    "Exim's daemon does not listen on port %ld (IPv4) any more",
	    number_in(port_file));
	is_str(daemon_.why, wanted, "which is said");
	for (int n = 0; n < 600 && number_in(count_file) < 3; n++)
		sleep_ms(50);
	is_int(number_in(count_file), 3, "though it read it once more");
	stop();
	start("does-not-obey");
	daemon_.wait_ms = 200;
	ok(!sts_daemon_hang_up(&daemon_) &&
		strstr(daemon_.why, "does not obey") != NULL,
	    "one that goes on as before: %s", daemon_.why);
	stop();
}

/* Words of a process that Exim's user may have named. */
static void
test_words(void)
{
	static const struct {
		const char *words;
		size_t len;
		const char *command;
	} rows[] = {
#define WORDS(text) "exim\0" text, sizeof("exim\0" text)
	    {WORDS("-bd\0-q5m\0-ps"), "/x/exim -bd -q5m -ps"},
	    {WORDS("-bd\0-oX\00025:587\0-oP\0/run/x.pid"),
		"/x/exim -bd -oX 25:587 -oP /run/x.pid"},
	    {WORDS("-bd\0-C\0/tmp/mine"), NULL},
	    {WORDS("-C/tmp/mine\0-bd"), NULL},
	    {WORDS("-bd\0-DX=y"), NULL},
	    {WORDS("-bd\0-oP\0/etc/passwd"), NULL},
	    {WORDS("-bd\0-q30m;reboot"), NULL},
	    {WORDS("-bd\0-qG../x"), NULL},
	    {WORDS("-be\0${run{/bin/sh}}"), NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[STS_DAEMON_COMMAND_BYTES];

		memset(&daemon_, 0, sizeof(daemon_));
		daemon_.binary = "/x/exim";
		daemon_.pid_file = "/run/x.pid";
		memcpy(daemon_.command, rows[i].words, rows[i].len);
		daemon_.command_len = rows[i].len;
		is_str(sts_daemon_command(&daemon_, command),
		    rows[i].command != NULL ? rows[i].command
					    : "/x/exim -bd -q30m",
		    "words of row %zu: %s", i,
		    rows[i].command != NULL ? "repeated" : "not repeated");
	}
}

static void
test_none(void)
{
	pid_t pid;

	(void)unlink(pid_file);
	sts_daemon_find(&daemon_, self, pid_file);
	is_int(daemon_.pid, 0, "no file, no daemon");
	sts_daemon_find(&daemon_, self, "");
	is_int(daemon_.pid, 0, "no name of a file, no daemon");
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	put_number(pid_file, pid);
	for (int n = 0; n < 600; n++) {
		sts_daemon_find(&daemon_, self, pid_file);
		if (daemon_.pid == 0)
			break;
		sleep_ms(50);
	}
	is_int(daemon_.pid, 0, "the number of another program is no daemon");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	if (argc == 3)
		return run_daemon(argv);
	if (mkdtemp(top) == NULL)
		return 1;
	name_files(top);
	test_serves();
	test_ended();
	test_does_not_serve();
	test_words();
	test_none();
	(void)unlink(pid_file);
	(void)unlink(port_file);
	(void)unlink(count_file);
	(void)rmdir(top);
	return tap_done();
}
