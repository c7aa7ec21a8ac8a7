/* SPDX-License-Identifier: ISC */
#include "exim/enable/exim_daemon.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/command.h"
#include "base/readfile.h"

/*
 * GONE_MS: how long no process may be in the file: a daemon that is not a child
 * of process 1 forks at SIGHUP, and the file names the new one a little later.
 */
enum { WAIT_MS = 60000, GONE_MS = 5000, PAUSE_MS = 50 };

/* How long it must stay; without a port nothing else shows that it works. */
enum { STAYS_MS = 1000, STAYS_DEAF_MS = 3000 };

static void
pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	(void)nanosleep(&pause, NULL);
}

/* The process in the file, if it runs and is this Exim; else 0. */
static pid_t
read_pid(const struct sts_daemon *d)
{
	char exe[64], is[PATH_MAX], ours[PATH_MAX], *text, *end;
	size_t len;
	long pid;
	ssize_t n;

	if (d->pid_file[0] == '\0' ||
	    sts_readfile(d->pid_file, true, 64, &text, &len) != STS_OK)
		return 0;
	pid = strtol(text, &end, 10);
	if (end == text)
		pid = 0;
	free(text);
	if (pid <= 1 || pid > INT_MAX || realpath(d->binary, ours) == NULL)
		return 0;
	(void)snprintf(exe, sizeof(exe), "/proc/%ld/exe", pid);
	n = readlink(exe, is, sizeof(is) - 1);
	if (n > 0)
		is[n] = '\0';
	return n > 0 && strcmp(is, ours) == 0 ? (pid_t)pid : 0;
}

static void
look_ports(struct sts_ports *ports, pid_t pid)
{
	struct sts_sockets sockets = {.count = 0};
	char process[64];

	(void)snprintf(process, sizeof(process), "/proc/%ld", (long)pid);
	sts_sockets_add(&sockets, process);
	sts_ports_find(ports, &sockets, process);
}

/* A file of /proc, whose size is not known before; returns what it has. */
static size_t
read_proc(const struct sts_daemon *d, const char *name, char *buf, size_t size)
{
	char path[64];
	FILE *in;
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)d->pid, name);
	if ((in = fopen(path, "re")) == NULL) {
		buf[0] = '\0';
		return 0;
	}
	len = fread(buf, 1, size - 1, in);
	(void)fclose(in);
	buf[len] = '\0';
	return len;
}

/* "0::/system.slice/NAME.service", or the same behind "1:name=systemd:". */
static void
look_unit(struct sts_daemon *d)
{
	char text[8192], *rest = text, *line;

	if (access("/run/systemd/system", F_OK) != 0)
		return;
	(void)read_proc(d, "cgroup", text, sizeof(text));
	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *name = strrchr(line, '/');
		const char *end =
		    name != NULL ? strstr(name, ".service") : NULL;

		/* Not what a user's own manager runs. */
		if (end != NULL && end[strlen(".service")] == '\0' &&
		    strstr(line, ":/system.slice/") != NULL)
			(void)snprintf(
			    d->unit, sizeof(d->unit), "%s", name + 1);
	}
}

static void
look_command(struct sts_daemon *d)
{
	size_t len, words = 0;

	len = read_proc(d, "cmdline", d->command, sizeof(d->command));
	for (size_t i = 0; i < len; i++)
		words += d->command[i] == '\0';
	d->command_len =
	    words <= STS_DAEMON_ARGS_MAX && len + 1 < sizeof(d->command) ? len
									 : 0;
}

void
sts_daemon_find(struct sts_daemon *d, const char *binary, const char *pid_file)
{
	memset(d, 0, sizeof(*d));
	d->binary = binary;
	d->pid_file = pid_file;
	d->pid = read_pid(d);
	if (d->pid == 0)
		return;
	look_ports(&d->ports, d->pid);
	look_unit(d);
	look_command(d);
}

/* A socket of before is still listened on: it has not started anew yet. */
static bool
is_as_before(const struct sts_ports *before, const struct sts_ports *now)
{
	for (size_t i = 0; i < now->count; i++) {
		for (size_t k = 0; k < before->count; k++) {
			if (now->port[i].inode == before->port[k].inode)
				return true;
		}
	}
	return false;
}

/* The process that listens on all ports of before, or 0, with the reason. */
static pid_t
look(struct sts_daemon *d, bool anew)
{
	const struct sts_port *lost;
	struct sts_ports now;
	pid_t pid = read_pid(d);

	if (pid == 0) {
		(void)snprintf(
		    d->why, sizeof(d->why), "Exim's daemon has ended");
		return 0;
	}
	look_ports(&now, pid);
	if (anew && is_as_before(&d->ports, &now)) {
		(void)snprintf(d->why, sizeof(d->why),
		    "Exim's daemon, process %ld, does not obey", (long)pid);
		return 0;
	}
	if ((lost = sts_ports_lost(&now, &d->ports)) != NULL) {
		(void)snprintf(d->why, sizeof(d->why),
		    "Exim's daemon does not listen on port %u (IPv%c) any more",
		    lost->number, lost->v6 ? '6' : '4');
		return 0;
	}
	return pid;
}

/* Until it is there, and then for a moment the same process. */
static bool
await(struct sts_daemon *d, bool anew)
{
	int64_t at = sts_monotonic_ms(), since = at, seen = at;
	int64_t end = at + (d->wait_ms > 0 ? d->wait_ms : WAIT_MS);
	int64_t gone = d->gone_ms > 0 ? d->gone_ms : GONE_MS;
	int64_t stays = d->stays_ms > 0 ? d->stays_ms
	    : d->ports.count > 0        ? STAYS_MS
					: STAYS_DEAF_MS;
	pid_t pid, first = 0;

	for (;;) {
		pause_shortly();
		pid = look(d, anew);
		at = sts_monotonic_ms();
		if (pid == 0 || pid != first)
			since = at;
		first = pid;
		if (read_pid(d) != 0)
			seen = at;
		if (pid != 0 && at - since >= stays)
			return true;
		if (at - seen >= gone || (pid == 0 && at >= end))
			return false;
	}
}

bool
sts_daemon_hang_up(struct sts_daemon *d)
{
	/* It may end before it is sent: await() notices. */
	if (d->pid > 1)
		(void)kill(d->pid, SIGHUP);
	return await(d, true);
}

static bool
has_only(const char *word, const char *allowed)
{
	return word[strspn(word, allowed)] == '\0' &&
	    strstr(word, "..") == NULL;
}

/*
 * The file may be Exim's user's, and name a process of his: what he could have
 * root do by its words, such as -C FILE, is neither run nor printed.
 */
static bool
is_harmless(const struct sts_daemon *d, const char *word, const char *before)
{
	static const char *const known[] = {
	    "-bd", "-bdf", "-ps", "-pd", "-oX", "-oP"};
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_.";

	if (strcmp(before, "-oX") == 0)
		return has_only(word, "0123456789abcdefABCDEF.:[]<;, ");
	if (strcmp(before, "-oP") == 0)
		return strcmp(word, d->pid_file) == 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i]) == 0)
			return true;
	}
	return strncmp(word, "-q", 2) == 0 && has_only(word, name);
}

/* Its words, the first one Exim's whole path; false if they are not known. */
static bool
split(const struct sts_daemon *d, const char *argv[STS_DAEMON_ARGS_MAX + 1])
{
	size_t count = 0;

	for (size_t at = 0; at < d->command_len;
	     at += strlen(d->command + at) + 1) {
		if (count > 0 &&
		    !is_harmless(
			d, d->command + at, count > 1 ? argv[count - 1] : ""))
			return false;
		argv[count++] = d->command + at;
	}
	argv[count] = NULL;
	argv[0] = d->binary;
	return count > 1;
}

/* In the foreground it is another program's to start it again. */
static bool
is_supervised(const char *const *argv)
{
	for (; *argv != NULL; argv++) {
		if (strncmp(*argv, "-bdf", 4) == 0)
			return true;
	}
	return false;
}

bool
sts_daemon_start(struct sts_daemon *d)
{
	const char *argv[STS_DAEMON_ARGS_MAX + 1] = {NULL};
	pid_t pid = read_pid(d);

	if (d->unit[0] != '\0')
		(void)STS_COMMAND(NULL, "systemctl", "restart", d->unit);
	else if (pid != 0)
		(void)kill(pid, SIGHUP);
	else if (split(d, argv) && !is_supervised(argv))
		(void)sts_command_run(NULL, argv);
	return await(d, false);
}

const char *
sts_daemon_command(
    const struct sts_daemon *d, char buf[STS_DAEMON_COMMAND_BYTES])
{
	const char *argv[STS_DAEMON_ARGS_MAX + 1] = {NULL};
	size_t used = 0;

	(void)snprintf(
	    buf, STS_DAEMON_COMMAND_BYTES, "%s -bd -q30m", d->binary);
	if (d->unit[0] != '\0') {
		(void)snprintf(buf, STS_DAEMON_COMMAND_BYTES,
		    "systemctl restart %s", d->unit);
	} else if (split(d, argv)) {
		for (size_t i = 0;
		     argv[i] != NULL && used < STS_DAEMON_COMMAND_BYTES; i++)
			used += (size_t)snprintf(buf + used,
			    STS_DAEMON_COMMAND_BYTES - used, "%s%s",
			    i > 0 ? " " : "", argv[i]);
	}
	return buf;
}
