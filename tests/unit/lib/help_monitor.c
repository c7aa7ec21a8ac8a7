/* SPDX-License-Identifier: ISC */
/*
 * A world (tap_world.h) in a state that an alert is for, and prints its
 * directory: help_monitor fine | stopped-timer | dead-nameserver | old.  In the
 * last no policy has been fetched for more than a day; why is the caller's.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/events.h"
#include "tests/unit/lib/tap_tool.h"
#include "tests/unit/lib/tap_world.h"

enum { HOUR = 3600 };

static const char body[] =
    "version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 604800\n";

static struct world w;

static void
put(const char *name, const char *text, mode_t mode)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", w.dir, name);
	write_file(path, text, strlen(text));
	(void)chmod(path, mode);
}

/* As the owner: a round that ended so long ago, and some lookups. */
static void
events(int64_t round_ago)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_store *store;
	pid_t child = fork();

	if (child == 0) {
		if ((geteuid() == 0 &&
			(setgid(WORLD_USER) != 0 || setuid(WORLD_USER) != 0)) ||
		    sts_store_open(&store, w.state, true) != STS_OK)
			_exit(1);
		sts_events_result(store, STS_EVENT_LOOKUP, STS_EVENT_NONE, now);
		(void)sts_events_deferred(
		    store, "a.example", STS_NO_MATCH, now - HOUR);
		sts_events_round(store, now - round_ago);
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "fine";
	char lines[500], name[16];
	bool old = strcmp(what, "old") == 0;
	bool stopped = strcmp(what, "stopped-timer") == 0;

	world_make(&w, "nameservers", "");
	snprintf(lines, sizeof(lines),
	    "state-dir %s\nresolver %s/nameservers\nfetcher %s/fetcher\n"
	    "ca-file %s/ca.pem\n",
	    w.state, w.dir, w.dir, w.dir);
	put("mta-sts.conf", lines, 0644);
	put("fetcher", "#!/bin/sh\necho 'fetcher 1 ok landlock '\n", 0755);
	put("ca.pem", "x", 0644);
	put("says",
	    strcmp(what, "dead-nameserver") == 0
		? "nameserver 192.0.2.1:53 silent\n"
		: "nameserver 127.0.0.1:53 answered\n",
	    0644);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		world_policy(&w, "state", name, body,
		    (old              ? 30
			    : stopped ? 28
				      : 2) *
			HOUR,
		    60);
	}
	world_newest(&w, (old ? 30 : 2) * HOUR);
	events(stopped ? 27 * HOUR : HOUR / 2);
	printf("%s\n", w.dir);
	return 0;
}
