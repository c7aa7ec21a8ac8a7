/* SPDX-License-Identifier: ISC */
/*
 * What the process that connects lets its parent know, which writes the bounce;
 * that Exim's log and bounce have it is tests/lab/test_exim_bounce.py.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exim/tls_failed.h"
#include "tests/unit/lib/tap.h"

static const char *
bounce(void)
{
	unsigned char *yield = NULL;

	is_int(mta_sts_bounce(&yield, 0, NULL), 0, "it succeeds");
	return (const char *)yield;
}

static void
the_parent_knows(void)
{
	int status = 0;
	pid_t pid;

	is_str(bounce(), "", "before anything was asked: nothing is said");
	is_int(mta_sts_tls_failed(NULL, 0, NULL), 0,
	    "a failure that nothing was prepared for");
	is_str(bounce(), "", "is not known");
	sts_tls_failed_prepare();
	is_str(bounce(), "", "no session failed: nothing is said");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)mta_sts_tls_failed(NULL, 0, NULL);
		_exit(0);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a session fails in a process that this one forked");
	is_str(bounce(), "yes", "this one knows");
	sts_tls_failed_prepare();
	is_str(bounce(), "yes", "and still does after the next domain");
}

/* Delivers a message, in a process that this one forks; is a bounce marked? */
static bool
delivers(bool asks, bool fails)
{
	unsigned char *yield = NULL;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (asks)
			sts_tls_failed_prepare();
		if (fork() == 0) {
			if (fails)
				(void)mta_sts_tls_failed(NULL, 0, NULL);
			_exit(0);
		}
		while (wait(NULL) > 0)
			;
		(void)mta_sts_bounce(&yield, 0, NULL);
		_exit(yield[0] == 'y' ? 1 : 0);
	}
	(void)waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == 1;
}

/*
 * With deliver_drop_privilege the process that takes messages in, and asks
 * about their recipients to verify them, forks those that deliver without
 * starting Exim anew.
 */
static void
one_connection(void)
{
	fflush(stdout);
	sts_tls_failed_prepare();
	ok(delivers(true, true), "a message whose session fails");
	ok(!delivers(true, false),
	    "the next message of the same connection: its own bounce");
	ok(!delivers(false, false), "also where no domain of it was asked");
	ok(delivers(true, true), "one whose session fails again");
}

static void
the_answer_is_empty(void)
{
	unsigned char *yield = NULL;
	unsigned char *argv[] = {NULL};

	is_int(mta_sts_tls_failed(&yield, 1, argv), 0, "it succeeds");
	is_str(
	    (const char *)yield, "", "any other text would refuse a session");
	is_int(mta_sts_bounce(NULL, 1, argv), 0, "no place for the answer");
}

int
main(void)
{
	the_parent_knows();
	one_connection();
	the_answer_is_empty();
	return tap_done();
}
