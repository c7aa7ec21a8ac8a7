/* SPDX-License-Identifier: ISC */
/*
 * The function for the end of a process, in the object as Exim loads it: a
 * session in clear text that is passed on is counted then, whatever became of
 * the object.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/outcomes.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_world.h"

typedef int event_function(
    unsigned char **yield, int argc, unsigned char *argv[]);

enum ending { EXIT, CLOSE_AND_EXIT, LEAVE };

static struct world world;
static char object[200];

static unsigned char *
bytes(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static void
call(event_function *event, const char *name, const char *data)
{
	unsigned char *argv[] = {bytes(name), bytes(data),
	    bytes("d=d.example h=mx.d.example a=192.0.2.1 s=192.0.2.2 m=none"),
	    bytes("c=- v=0 u=0"), bytes(world.conf), bytes("-"), bytes("-")};
	unsigned char *yield = NULL;

	if (event(&yield, 7, argv) != 0 || yield[0] != '\0')
		_exit(4);
}

static _Noreturn void
deliver(enum ending ending)
{
	void *loaded = dlopen(object, RTLD_LAZY);
	event_function *event = NULL;

	if (loaded != NULL)
		event =
		    (event_function *)(uintptr_t)dlsym(loaded, "mta_sts_event");
	if (event == NULL) {
		tap_diag("%s", dlerror());
		_exit(3);
	}
	call(event, "smtp:connect", "220 mx");
	call(event, "smtp:ehlo", "250-mx.d.example\n250 SIZE");
	if (ending == LEAVE)
		_exit(0);
	if (ending == CLOSE_AND_EXIT)
		(void)dlclose(loaded);
	exit(0);
}

static bool
on_outcome(void *arg, const struct sts_outcome *o)
{
	*(int *)arg += o->result == STS_RESULT_STARTTLS_NOT_SUPPORTED;
	return true;
}

/* All that were recorded so far. */
static int
count(void)
{
	int found = 0;
	struct sts_outcomes_reader reader = {on_outcome, NULL, &found, 0};
	int64_t day = (int64_t)time(NULL) / STS_DAY;
	struct sts_store *store;

	if (sts_store_open(&store, world.state, false) != STS_OK)
		return -1;
	(void)sts_outcomes_read(store, day - 1, &reader);
	(void)sts_outcomes_read(store, day, &reader);
	sts_store_close(store);
	return found;
}

static void
expect(enum ending ending, int recorded, const char *what)
{
	int before = count(), status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		deliver(ending);
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", what);
	is_int(count() - before, recorded, "%s: outcomes", what);
}

int
main(void)
{
	const char *build = getenv("B");

	snprintf(object, sizeof(object), "%s/mta-sts.so",
	    build != NULL ? build : "build");
	if (object[0] != '/')
		snprintf(object, sizeof(object), "./%s/mta-sts.so",
		    build != NULL ? build : "build");
	world_make(&world, "",
	    "organization Example\ncontact postmaster@example.net\n"
	    "log-level error\n");
	world_none(&world, "state", "d.example", "", 1, 3600);
	world_tlsrpt(
	    &world, "state", "d.example", "v=TLSRPTv1; rua=mailto:r@d.example");
	expect(EXIT, 1, "a process that ends by exit");
	expect(CLOSE_AND_EXIT, 1, "one that has closed the object before");
	expect(LEAVE, 0, "one that ends by _exit");
	world_remove(&world);
	return tap_done();
}
