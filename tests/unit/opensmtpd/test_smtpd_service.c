/* SPDX-License-Identifier: ISC */
/*
 * smtpd counts as restarted only if it is up, stays, has its filter and its
 * tables, and listens where it did: each thing that can be wrong, by a service
 * of the test's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opensmtpd/enable/smtpd_service.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_service.h"
#include "tests/unit/lib/tap_tool.h"

static char top[] = "/tmp/mta-sts-service.XXXXXX";
static char conf[64], manager[64], smtpctl[64], proc[64];
static struct sts_smtpd_switch e = {.manager = manager,
    .smtpctl = smtpctl,
    .proc = proc,
    .wait_ms = 100,
    .stays_ms = 50};
static struct sts_smtpd_service service;

static void
arrange(void)
{
	(void)!mkdtemp(top);
	(void)snprintf(conf, sizeof(conf), "%s/etc", top);
	(void)mkdir(conf, 0755);
	(void)snprintf(conf, sizeof(conf), "%s/etc/smtpd.conf", top);
	(void)snprintf(manager, sizeof(manager), "%s/manager", top);
	(void)snprintf(smtpctl, sizeof(smtpctl), "%s/smtpctl", top);
	(void)snprintf(proc, sizeof(proc), "%s/proc", top);
}

/* Restarted after a change of smtpd.conf from `before` to `after`. */
static enum sts_smtpd_serves
replace(const char *before, const char *after, const char *fault, bool filter,
    size_t tables)
{
	write_file(conf, before, strlen(before));
	service_make(top, "opensmtpd");
	service_fault(top, fault);
	sts_service_find(&service, &e);
	write_file(conf, after, strlen(after));
	return sts_service_restart(&service, filter, tables);
}

static void
faults(void)
{
	static const struct {
		const char *fault, *why;
	} rows[] = {
	    {"refused", "smtpd cannot be restarted: no such luck"},
	    {"ended", "the service opensmtpd ended"},
	    {"silent", "smtpd does not answer smtpctl"},
	    {"filter", "its filter, filter-mta-sts, does not run"},
	    {"table", "its table, table-mta-sts, does not run"},
	    {"port", "smtpd does not listen on port 25 (IPv4) any more"},
	    {"dies", "its filter, filter-mta-sts, does not run"},
	    {"loops", "smtpd is started again and again"},
	    {"again", "smtpd is started again and again"},
	};

	e.managed = STS_MANAGED_SYSTEMD;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_int(replace("", "mta-sts:/\n", rows[i].fault, true, 2),
		    STS_SERVES_NOT, "%s: it does not serve", rows[i].fault);
		is_str(service.why, rows[i].why, "%s: why", rows[i].fault);
	}
	is_int(replace("", "mta-sts:/\n", "table", true, 1), STS_SERVES,
	    "as many tables as the file has");
	is_int(replace("mta-sts:/\n", "mta-sts:/\n", "none", true, 2),
	    STS_SERVES, "restarted with the same file");
	is_int(replace("mta-sts:/\n", "mta-sts:/\n", "stays", true, 2),
	    STS_SERVES_NOT,
	    "a filter that was there before is not the new one");
	is_int(replace("mta-sts:/\n", "", "none", false, 0), STS_SERVES,
	    "without a filter none is missed");
}

static void
managers(void)
{
	static const struct {
		enum sts_managed managed;
		const char *unit, *calls, *command;
	} rows[] = {
	    {STS_MANAGED_SYSTEMD, "smtpd", "restart smtpd\n",
		"manager restart smtpd"},
	    {STS_MANAGED_SYSTEMD, "opensmtpd", "restart opensmtpd\n",
		"manager restart opensmtpd"},
	    {STS_MANAGED_RCCTL, "smtpd", "restart smtpd\n",
		"manager restart smtpd"},
	    {STS_MANAGED_SERVICE, "opensmtpd", "opensmtpd restart\n",
		"manager opensmtpd restart"},
	    {STS_MANAGED_SERVICE, "smtpd", "smtpd restart\n",
		"manager smtpd restart"},
	};
	char command[256];

	write_file(conf, "", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e.managed = rows[i].managed;
		service_make(top, rows[i].unit);
		sts_service_find(&service, &e);
		is_str(service.name, rows[i].unit, "the service is found");
		is_int(sts_service_restart(&service, false, 0), STS_SERVES,
		    "and restarted");
		ok(service_was_called(top, rows[i].calls), "as it is done: %s",
		    rows[i].command);
		sts_service_command(
		    &service, "restart", command, sizeof(command));
		is_str(command, rows[i].command, "and as it is said");
	}
	service_make(top, "other");
	sts_service_find(&service, &e);
	is_int(sts_service_restart(&service, false, 0), STS_SERVES_ELSE,
	    "smtpd runs, but not as a service: not restarted");
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	sts_service_find(&service, &e);
	is_int(sts_service_restart(&service, false, 0), STS_SERVES_OFF,
	    "nor where it does not run");
	e.managed = STS_MANAGED_SERVICE;
	service_make(top, "opensmtpd");
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	sts_service_find(&service, &e);
	ok(service.name == NULL,
	    "a script that says yes to status, but no smtpd: none is found");
	e.managed = STS_MANAGED_NOT;
	sts_service_find(&service, &e);
	ok(service.name == NULL, "nothing that starts services: none is found");
}

static void
running(void)
{
	struct sts_smtpd_running r;

	write_file(conf, "mta-sts:/\n", 10);
	service_make(top, "smtpd");
	sts_smtpd_look(&r, proc);
	ok(r.known && r.smtpd.count == 1 && r.filter.count == 1 &&
		r.table.count == 2,
	    "what runs");
	ok(r.ports.count == 1 && r.ports.port[0].number == 25 &&
		!r.ports.port[0].v6,
	    "and where it listens");
	sts_ports_forget(&r.ports, 25);
	is_int((int)r.ports.count, 0, "a port that is left out");
	sts_smtpd_look(&r, top);
	ok(!r.known, "a system without /proc");
	sts_smtpd_look(&r, NULL);
	ok(r.known || access("/proc/self", F_OK) != 0, "this system");
}

int
main(void)
{
	arrange();
	faults();
	managers();
	running();
	tap_remove(top);
	return tap_done();
}
