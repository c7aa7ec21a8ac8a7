/* SPDX-License-Identifier: ISC */
/*
 * What a session costs a delivery in which mta-sts.so records it, for exim.sh:
 *
 *	session [-l] [-s] OBJECT CONFIGURATION DOMAIN COUNT
 *
 * asks for the domain, as the router does, and then makes the calls of so many
 * sessions, five each.  Prints microseconds for each session.  -s: none is
 * counted; -l: reads what is sent to /dev/log meanwhile.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WORLD_USER = 65534 /* as tap_world.h has it */ };

typedef int exim_function(
    unsigned char **yield, int argc, unsigned char *argv[]);

static exim_function *query, *event;
static const char *conf, *counts, *domain;

static unsigned char *
bytes(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static bool
open_object(const char *file)
{
	void *object = dlopen(file, RTLD_LAZY);

	if (object == NULL)
		return false;
	query = (exim_function *)(uintptr_t)dlsym(object, "mta_sts_query");
	event = (exim_function *)(uintptr_t)dlsym(object, "mta_sts_event");
	return query != NULL && event != NULL;
}

static bool
ask(void)
{
	unsigned char *argv[] = {bytes(domain), bytes(conf)};
	unsigned char *yield = NULL;

	return query(&yield, 2, argv) == 0 &&
	    strstr((char *)yield, "rpt=1") != NULL;
}

static void
call(const char *name, const char *data, const char *tls, const char *names)
{
	char where[400];
	unsigned char *argv[] = {bytes(name), bytes(data), bytes(where),
	    bytes(tls), bytes(counts),
	    bytes(names[0] == '-' ? "-" : "4102444800"), bytes(names)};
	unsigned char *yield = NULL;

	snprintf(where, sizeof(where),
	    "d=%s h=mx1.example a=192.0.2.1 s=192.0.2.2 m=testing", domain);
	(void)event(&yield, 7, argv);
}

static void
session(void)
{
	static const char up[] = "c=TLS1.3 v=1 u=0", none[] = "c=- v=0 u=0";

	call("smtp:connect", "220 mx1.example ESMTP", none, "-");
	call("smtp:ehlo", "250-mx1.example\n250-SIZE\n250 STARTTLS", none, "-");
	call("tls:cert", "0", none, "mx1.example");
	call("smtp:ehlo", "250-mx1.example\n250 SIZE", up, "mx1.example");
	call("tcp:close", "", up, "mx1.example");
}

/* The router is root, the transport is not; true if this process is not. */
static bool
become_user(void)
{
	return geteuid() != 0 ||
	    (setgid(WORLD_USER) == 0 && setuid(WORLD_USER) == 0);
}

/* Until the process that is measured is gone, which may be too soon for it to
 * have the right to end this one. */
static _Noreturn void
take_lines(int fd, pid_t parent)
{
	struct timeval second = {1, 0};
	char line[2000];

	close(STDOUT_FILENO);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	while (become_user() &&
	    (recv(fd, line, sizeof(line), 0) >= 0 || errno == EAGAIN) &&
	    getppid() == parent)
		;
	_exit(1);
}

/* The process that reads; -1 where there is none. */
static pid_t
listen_at_log(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	mode_t mask = umask(0);
	pid_t pid = -1, parent = getpid();

	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    (pid = fork()) == 0)
		take_lines(fd, parent);
	(void)umask(mask);
	if (fd >= 0)
		close(fd);
	return pid;
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
measure(int count)
{
	double began = now_us();

	for (int i = 0; i < count; i++)
		session();
	printf("%.2f\n", (now_us() - began) / count);
}

int
main(int argc, char **argv)
{
	bool skip = false, reads = false;
	pid_t reader = -1;
	int letter;

	while ((letter = getopt(argc, argv, "ls")) != -1) {
		reads = reads || letter == 'l';
		skip = skip || letter == 's';
	}
	if (argc - optind != 4)
		return 2;
	conf = argv[optind + 1];
	domain = argv[optind + 2];
	counts = skip ? "skip" : conf;
	tzset();
	if (reads && (reader = listen_at_log()) < 0)
		return 3;
	if (!open_object(argv[optind]) || !ask() || !become_user())
		return 1;
	measure(atoi(argv[optind + 3]));
	if (reader > 0)
		(void)kill(reader, SIGTERM);
	return 0;
}
