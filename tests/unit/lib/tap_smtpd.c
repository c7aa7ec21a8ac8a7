/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_smtpd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"

enum { ARGUMENTS_MAX = 8 };

static _Noreturn void
give_up(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static const char *
build_dir(void)
{
	const char *b = getenv("B");

	return b != NULL ? b : "build";
}

int64_t
smtpd_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
smtpd_world(struct world *w, const char *lines)
{
	char command[500];

	world_make(w, "", lines);
	snprintf(command, sizeof(command),
	    "cp %s/tests/help_smtpd_resolver %s/missing && "
	    "chmod 755 %s/missing",
	    build_dir(), w->dir, w->dir);
	if (system(command) != 0)
		give_up(command);
}

void
smtpd_remove(struct world *w)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf %s 2>/dev/null", w->dir);
	for (int i = 0; i < 100; i++) {
		if (system(command) == 0)
			return;
		poll(NULL, 0, 100);
	}
	give_up(command);
}

unsigned
smtpd_ran(const struct world *w, const char *beginning)
{
	char path[100], line[400];
	unsigned count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/ran", w->dir);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		count += strncmp(line, beginning, strlen(beginning)) == 0;
	fclose(f);
	return count;
}

unsigned
smtpd_line_of(const struct world *w, const char *beginning)
{
	char path[100], line[400];
	unsigned number = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/ran", w->dir);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		number++;
		found = strncmp(line, beginning, strlen(beginning)) == 0;
	}
	fclose(f);
	return found ? number : 0;
}

bool
smtpd_wait_ran(
    const struct world *w, const char *beginning, unsigned count, int ms)
{
	int64_t end = smtpd_ms() + ms;

	while (smtpd_ran(w, beginning) < count) {
		if (smtpd_ms() > end)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

static void
as_owner(bool on)
{
	static bool root;

	if (on)
		root = geteuid() == 0;
	if (root &&
	    (on ? setegid(WORLD_USER) != 0 || seteuid(WORLD_USER) != 0
		: seteuid(0) != 0 || setegid(0) != 0))
		give_up("cannot change the user");
}

void
smtpd_write_routes(const struct world *w, const struct sts_routes *routes)
{
	struct sts_store *store;

	as_owner(true);
	if (sts_store_open(&store, w->state, true) != STS_OK ||
	    sts_store_write_routes(store, routes) != STS_OK)
		give_up("cannot write routes");
	sts_store_close(store);
	as_owner(false);
}

void
smtpd_write_check(const struct world *w, const struct sts_check *check)
{
	struct sts_store *store;

	as_owner(true);
	if (sts_store_open(&store, w->state, true) != STS_OK ||
	    sts_store_write_check(store, check) != STS_OK)
		give_up("cannot write a check");
	sts_store_close(store);
	as_owner(false);
}

void
smtpd_routes(const struct world *w, const char *domain, int64_t recorded_ago)
{
	struct sts_routes r = {.recorded = time(NULL) - recorded_ago,
	    .status = STS_OK,
	    .count = 2};

	snprintf(r.domain, sizeof(r.domain), "%s", domain);
	for (int i = 0; i < 2; i++) {
		snprintf(r.route[i].host, sizeof(r.route[i].host), "mx%d.%s",
		    i + 1, domain);
		r.route[i].preference = 10 * (i + 1);
		r.route[i].permitted = true;
		r.route[i].address_count = 1;
		snprintf(r.route[i].address[0], STS_ADDRESS_TEXT_MAX,
		    "192.0.2.%d", i + 1);
	}
	smtpd_write_routes(w, &r);
}

const char *
smtpd_enforce(const char *domain)
{
	static char body[800];

	snprintf(body, sizeof(body),
	    "version: STSv1\nmode: enforce\nmx: mx1.%s\nmx: mx2.%s\n"
	    "max_age: 604800\n",
	    domain, domain);
	return body;
}

static _Noreturn void
become(int fd, int binary, enum peer_style style, const char *name,
    const char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX + 2] = {name};
	extern char **environ;
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
		argv[i + 1] = arguments[i];
	dup2(fd, 0);
	dup2(style == PEER_BOTH ? fd : null, 1);
	if (getenv("SMTPD_STDERR") == NULL)
		dup2(null, 2);
	if (geteuid() == 0 &&
	    (setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0))
		_exit(99);
	fexecve(binary, (char *const *)(uintptr_t)argv, environ);
	_exit(98);
}

void
peer_start(struct peer *p, const char *program, enum peer_style style,
    const char *name, const char *const *arguments)
{
	char path[500];
	int fds[2], binary;

	memset(p, 0, sizeof(*p));
	snprintf(path, sizeof(path), "%s/%s", build_dir(), program);
	binary = open(path, O_RDONLY | O_CLOEXEC);
	if (binary < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		give_up(path);
	fflush(stdout);
	p->pid = fork();
	if (p->pid == 0)
		become(fds[1], binary, style, name, arguments);
	close(binary);
	close(fds[1]);
	p->fd = fds[0];
	if (p->pid < 0 || fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0)
		give_up("cannot start a program");
}

/* Waits for one or both directions and reads what there is room for. */
static void
pump(struct peer *p, bool writing, int ms)
{
	struct pollfd f = {p->fd, 0, 0};
	size_t room = sizeof(p->buf) - p->len;
	ssize_t n;

	if (room > 0 && !p->ended)
		f.events |= POLLIN;
	if (writing)
		f.events |= POLLOUT;
	if (poll(&f, 1, ms) <= 0 || (f.revents & (POLLIN | POLLHUP)) == 0)
		return;
	n = room > 0 ? read(p->fd, p->buf + p->len, room) : -1;
	if (n > 0)
		p->len += (size_t)n;
	else if (room > 0 && (n == 0 || errno != EAGAIN))
		p->ended = true;
}

void
peer_write(struct peer *p, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0 && !p->ended) {
		ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		else
			pump(p, true, 1000);
	}
}

void
peer_say(struct peer *p, const char *text)
{
	peer_write(p, text, strlen(text));
}

static void
take(struct peer *p, void *out, size_t len)
{
	memcpy(out, p->buf, len);
	memmove(p->buf, p->buf + len, p->len - len);
	p->len -= len;
}

const char *
peer_line(struct peer *p, int ms)
{
	static char line[8192];
	int64_t end = smtpd_ms() + ms;
	char *feed;

	while ((feed = memchr(p->buf, '\n', p->len)) == NULL) {
		int64_t left = end - smtpd_ms();

		if (left < 0 || p->ended || p->len == sizeof(p->buf))
			return NULL;
		pump(p, false, (int)left);
	}
	if ((size_t)(feed - p->buf) >= sizeof(line))
		give_up("a line of more than 8 KB");
	take(p, line, (size_t)(feed - p->buf) + 1);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

bool
peer_bytes(struct peer *p, void *buf, size_t len, int ms)
{
	int64_t end = smtpd_ms() + ms;

	while (p->len < len) {
		int64_t left = end - smtpd_ms();

		if (left < 0 || p->ended)
			return false;
		pump(p, false, (int)left);
	}
	take(p, buf, len);
	return true;
}

bool
peer_alive(const struct peer *p)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)p->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0;
}

long
peer_rss(const struct peer *p)
{
	char path[64], line[200];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	/* RssAnon, where the kernel has it, comes later. */
	while (fgets(line, sizeof(line), f) != NULL) {
		(void)sscanf(line, "VmRSS: %ld", &kb);
		(void)sscanf(line, "RssAnon: %ld", &kb);
	}
	fclose(f);
	return kb;
}

void
peer_is_within(const struct peer *p, long before, long more, const char *what)
{
	long now = peer_rss(p);

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
	tap_diag("resident: %ld KB before, %ld KB after", before, now);
	if (SANITIZED)
		tap_skip(what, "the sanitizer keeps what is freed");
	else
		ok(before > 0 && now <= before + more, "%s", what);
}

void
peer_is_flat(const struct peer *p, long before, const char *what)
{
	peer_is_within(p, before, 200, what);
}

int
peer_end(struct peer *p)
{
	int64_t end = smtpd_ms() + 10000;
	int status = 0;

	(void)shutdown(p->fd, SHUT_WR);
	while (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (smtpd_ms() > end) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, &status, 0);
			break;
		}
		pump(p, false, 10);
		if (p->len == sizeof(p->buf))
			p->len = 0;
	}
	close(p->fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
