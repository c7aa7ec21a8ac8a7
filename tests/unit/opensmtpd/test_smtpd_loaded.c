/* SPDX-License-Identifier: ISC */
/*
 * What `mta-sts status` sees of a smtpd that does not run with its file as it
 * is, by a service of the test's: each thing that can be missing; and that an
 * smtpd of another pid namespace, or one that is starting, is not blamed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "opensmtpd/enable/smtpd_loaded.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_service.h"
#include "tests/unit/lib/tap_tool.h"

static const char ours[] = "filter \"mta-sts\" proc-exec \"filter-mta-sts\"\n"
			   "table a \"mta-sts:/etc/mta-sts.conf\"\n"
			   "table b \"mta-sts:/etc/mta-sts.conf\"\n";
static const char foreign[] = "listen on localhost\n";

static char top[] = "/tmp/mta-sts-loaded.XXXXXX";
static char conf[64], more[64], smtpctl[64], proc[64];
static struct sts_smtpd_loaded l;

static void
arrange(void)
{
	(void)!mkdtemp(top);
	(void)snprintf(conf, sizeof(conf), "%s/etc", top);
	(void)mkdir(conf, 0755);
	(void)snprintf(conf, sizeof(conf), "%s/etc/smtpd.conf", top);
	(void)snprintf(more, sizeof(more), "%s/etc/more.conf", top);
	(void)snprintf(smtpctl, sizeof(smtpctl), "%s/smtpctl", top);
	(void)snprintf(proc, sizeof(proc), "%s/proc", top);
}

static void
shell(const char *command)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "cd %s && %s", top, command);
	if (system(text) != 0) {
		printf("Bail out! %s\n", text);
		exit(1);
	}
}

/* smtpd is started with `before`; then the file becomes `after`. */
static void
start(const char *before, const char *fault, const char *after)
{
	shell("rm -rf proc");
	write_file(conf, before, strlen(before));
	service_make(top, "opensmtpd");
	service_fault(top, fault);
	shell("./manager restart opensmtpd");
	write_file(conf, after, strlen(after));
}

static void
look(void)
{
	sts_smtpd_look_loaded(&l, conf, smtpctl, proc);
}

/* Its letters are the members that are true. */
static void
expect(const char *wanted, const char *what)
{
	char got[8];

	look();
	(void)snprintf(got, sizeof(got), "%s%s%s%s%s%s", l.runs ? "r" : "",
	    l.off ? "o" : "", l.seen ? "s" : "", l.lacks_filter ? "f" : "",
	    l.lacks_table ? "t" : "", l.older ? "a" : "");
	is_str(got, wanted, "%s", what);
}

static void
processes(void)
{
	start(ours, "none", ours);
	expect("rs", "restarted with the file: all of it runs");
	start(foreign, "none", ours);
	expect("rsft",
	    "not restarted since the file has filter and tables: "
	    "smtpd runs without them");
	start(ours, "filter", ours);
	expect("rsf", "without the filter");
	start(ours, "table", ours);
	expect("rst", "one table of two");
	start(foreign, "none", foreign);
	expect("rs", "a file without any of ours lacks nothing");
	shell("rm -r proc/[0-9]*");
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	expect("o", "smtpd does not run");
}

/* Where not all can be seen, nothing is said to be missing. */
static void
unseen(void)
{
	start(foreign, "none", ours);
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	expect("",
	    "processes called smtpd, but smtpctl is not answered: "
	    "Postfix has such, too");
	start(foreign, "none", ours);
	shell("rmdir proc/self");
	expect("r", "a system that does not show its processes");
	service_script(smtpctl, "#!/bin/sh\nexit 1\n");
	shell("rm -r proc");
	expect("", "nor whether smtpd runs");
	start(foreign, "none", ours);
	shell("for i in proc/[1-9]* proc/self; do "
	      "mkdir $i/ns; ln -s 'pid:[2]' $i/ns/pid; done; "
	      "ln -sf 'pid:[1]' proc/self/ns/pid");
	expect("r", "an smtpd of another pid namespace");
	start(ours, "none", ours);
	shell("for i in proc/[1-9]* proc/self; do "
	      "mkdir $i/ns; ln -s 'pid:[1]' $i/ns/pid; "
	      "! grep -qs filter $i/comm || ln -sf 'pid:[2]' $i/ns/pid; done");
	expect("rsf", "a filter of another pid namespace is not this one's");
}

static void
starting(void)
{
	start(ours, "filter", ours);
	service_script(smtpctl,
	    "#!/bin/sh\n"
	    "cd ${0%/*} && [ ! -e asked ] || {\n"
	    "	mkdir proc/9; echo filter-mta-sts >proc/9/comm; }\n"
	    ": >asked; echo uptime=0\n");
	expect("rs", "an smtpd whose filter comes up meanwhile");
}

/* An smtpd that was started in the second `when`. */
static void
started(int64_t when)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\necho uptime=$(($(date +%%s) - %lld))\n",
	    (long long)when);
	service_script(smtpctl, text);
}

static void
changes(void)
{
	char with[300];
	struct stat st;

	start(ours, "none", ours);
	started((int64_t)time(NULL) - 1000);
	expect("rsa", "the file was changed after the start");
	shell("rmdir proc/self");
	expect("ra", "which is seen without processes, too");
	service_script(smtpctl, "#!/bin/sh\necho uptime=1000\n");
	write_file(conf, foreign, strlen(foreign));
	expect("r", "but is none of ours in a file that has none of ours");
	(void)snprintf(with, sizeof(with), "%sinclude \"%s\"\n", ours, more);
	write_file(more, foreign, strlen(foreign));
	start(with, "none", with);
	(void)!stat(conf, &st);
	started((int64_t)st.st_ctime);
	expect("rs", "started in the second of the change: it may have it");
	/* On a busy machine the start seems later. */
	for (unsigned i = 0; i < 10 && !l.older; i++) {
		sleep(2 + i);
		write_file(more, foreign, strlen(foreign));
		look();
	}
	ok(l.runs && l.older, "an included file was changed after the start");
}

int
main(void)
{
	arrange();
	processes();
	unseen();
	starting();
	changes();
	tap_remove(top);
	return tap_done();
}
