/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/command.h"

enum { WAIT_MS = 30000, STAYS_MS = 5000, ENDED_MS = 5000, PAUSE_MS = 100 };

/* systemctl VERB NAME, rcctl VERB NAME; service NAME VERB, rc-service too. */
static bool
run(const struct sts_smtpd_service *s, char **said, const char *name,
    const char *verb)
{
	const char *program = s->e->manager;

	switch (s->e->managed) {
	case STS_MANAGED_SYSTEMD:
	case STS_MANAGED_RCCTL:
		return STS_COMMAND(said, program, verb, name);
	case STS_MANAGED_SERVICE:
		return STS_COMMAND(said, program, name, verb);
	default:
		return false;
	}
}

static bool
is_active(const struct sts_smtpd_service *s, const char *name)
{
	static const char *const verbs[] = {[STS_MANAGED_NOT] = "",
	    [STS_MANAGED_SYSTEMD] = "is-active",
	    [STS_MANAGED_RCCTL] = "check",
	    [STS_MANAGED_SERVICE] = "status"};

	return run(s, NULL, name, verbs[s->e->managed]);
}

long
sts_service_uptime(const char *smtpctl)
{
	char *said = NULL;
	const char *at;
	long uptime = -1;

	if (STS_COMMAND(&said, smtpctl, "show", "stats") && said != NULL) {
		at = strstr(said, "uptime=");
		uptime = at != NULL ? strtol(at + 7, NULL, 10) : 0;
	}
	free(said);
	return uptime;
}

bool
sts_service_has_read(const char *file, long uptime)
{
	struct stat st;

	return stat(file, &st) == 0 && time(NULL) - uptime >= st.st_ctime;
}

void
sts_service_find(struct sts_smtpd_service *s, const struct sts_smtpd_switch *e)
{
	static const char *const names[] = {"opensmtpd", "smtpd"};

	memset(s, 0, sizeof(*s));
	s->e = e;
	s->alive = sts_service_uptime(e->smtpctl) >= 0;
	/* Debian's script of smtpd says yes to "status" whatever is. */
	for (size_t i = 0; s->name == NULL && i < 2; i++) {
		if ((s->alive || e->managed != STS_MANAGED_SERVICE) &&
		    is_active(s, names[i]))
			s->name = names[i];
	}
	sts_smtpd_look(&s->before, e->proc);
}

void
sts_service_command(
    const struct sts_smtpd_service *s, const char *what, char *buf, size_t size)
{
	const char *name = s->name != NULL ? s->name : "opensmtpd";
	const char *program = s->e->manager;

	if (program != NULL && strrchr(program, '/') != NULL)
		program = strrchr(program, '/') + 1;
	if (s->e->managed == STS_MANAGED_NOT)
		(void)snprintf(buf, size,
		    "rcctl %s smtpd, service opensmtpd %s, or as this system "
		    "does it",
		    what, what);
	else if (s->e->managed == STS_MANAGED_SERVICE)
		(void)snprintf(buf, size, "%s %s %s", program, name, what);
	else
		(void)snprintf(buf, size, "%s %s %s", program, what,
		    s->e->managed == STS_MANAGED_RCCTL ? "smtpd" : name);
}

/* False, with the reason. */
static bool lacks(struct sts_smtpd_service *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
lacks(struct sts_smtpd_service *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return false;
}

/* Complete at this moment; *now is what runs, *uptime since when. */
static bool
is_complete(struct sts_smtpd_service *s, bool filter, size_t tables,
    struct sts_smtpd_running *now, long *uptime)
{
	const struct sts_port *port;
	size_t found;

	sts_smtpd_look(now, s->e->proc);
	s->active = is_active(s, s->name);
	if (!s->active)
		return lacks(s, "the service %s ended", s->name);
	if ((*uptime = sts_service_uptime(s->e->smtpctl)) < 0)
		return lacks(s, "smtpd does not answer smtpctl");
	if (!now->known)
		return true;
	if (filter && sts_running_new(&now->filter, &s->before.filter) == 0)
		return lacks(s, "its filter, filter-mta-sts, does not run");
	found = sts_running_new(&now->table, &s->before.table);
	if (found < tables)
		return lacks(s, "its table, table-mta-sts, does not run");
	if ((port = sts_ports_lost(&now->ports, &s->before.ports)) != NULL)
		return lacks(s,
		    "smtpd does not listen on port %u (IPv%c) any more",
		    port->number, port->v6 ? '6' : '4');
	return true;
}

/* Whether what was seen first is still there; both start children of theirs. */
static bool
is_same(
    const struct sts_smtpd_running *first, const struct sts_smtpd_running *now)
{
	return sts_running_new(&first->filter, &now->filter) == 0 &&
	    sts_running_new(&first->table, &now->table) == 0;
}

/* Up within some time, and then the same for a while. */
static bool
stays(struct sts_smtpd_service *s, bool filter, size_t tables)
{
	int64_t wait = s->e->wait_ms > 0 ? s->e->wait_ms : WAIT_MS;
	int64_t steady = s->e->stays_ms > 0 ? s->e->stays_ms : STAYS_MS;
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int64_t end = sts_monotonic_ms() + wait, since = -1, active = -1, at;
	struct sts_smtpd_running first = {0}, now;
	long uptime = 0, last = 0;

	for (;;) {
		at = sts_monotonic_ms();
		if (!is_complete(s, filter, tables, &now, &uptime)) {
			since = -1;
		} else if (since < 0 || uptime < last ||
		    !is_same(&first, &now)) {
			(void)lacks(s, "smtpd is started again and again");
			since = at;
			first = now;
		} else if (at - since >= steady) {
			return true;
		}
		last = uptime;
		active = s->active || active < 0 ? at : active;
		/* One that has ended comes up no more, but by a restart. */
		if (at - active >= ENDED_MS)
			return false;
		/* What has come up in time may have its while. */
		if (at >= end + (since >= 0 ? steady : 0))
			return false;
		(void)nanosleep(&pause, NULL);
	}
}

enum sts_smtpd_serves
sts_service_restart(struct sts_smtpd_service *s, bool filter, size_t tables)
{
	char *said = NULL;
	bool fine;

	if (s->name == NULL)
		return s->alive ? STS_SERVES_ELSE : STS_SERVES_OFF;
	fine = run(s, &said, s->name, "restart");
	if (!fine)
		(void)lacks(s, "smtpd cannot be restarted: %.*s",
		    said != NULL ? (int)strcspn(said, "\n") : 0,
		    said != NULL ? said : "");
	free(said);
	return fine && stays(s, filter, tables) ? STS_SERVES : STS_SERVES_NOT;
}
