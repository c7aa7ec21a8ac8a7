/* SPDX-License-Identifier: ISC */
/*
 * A fetcher that does wrong, for tests of the resolver.  What it does is the
 * last word of the name it is called by, "fetcher-WORD"; or, where the name has
 * no such word, what the file NAME.fault says.
 *
 *	silent		says nothing at all
 *	hangs		greets, then answers nothing
 *	dies		greets, and ends when it is asked
 *	killed		is killed in the middle of a reply
 *	nonsense	answers with a line that is none
 *	babbles		says nonsense without being asked
 *	flood		1 GiB without a line feed
 *	flood-lines	1 GiB of lines
 *	huge		promises a body of 1 GiB, and sends it
 *	slow		one byte of a reply in 200 ms
 *	number		a reply to a request that was never made
 *	twice		two replies to one request
 *	short		a body shorter than promised
 *	long		a body longer than promised
 *	status		a status that no fetcher may say
 *	kind		a status that only a probe has
 *	old		greets as another version
 *	unfit		greets with a fault
 *	once		is killed in a reply the first time, and then does well:
 *			each request fails with fetch_connect
 *	late		the same, a second later and with fetch_timeout
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

enum { GIB = 1024 * 1024 * 1024 };

static const char hello[] = "fetcher 1 ok none \n";

static void
nap(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static void
say_bytes(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		bytes += n;
		len -= (size_t)n;
	}
}

static void
say(const char *text)
{
	say_bytes(text, strlen(text));
}

static void
say_numbered(const char *number, const char *rest)
{
	say(number);
	say(rest);
}

/* The word of the name, or of the file beside it. */
static const char *
find_fault(void)
{
	static char word[64];
	const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	const char *at = strstr(name, "fetcher-");
	char path[4096];
	FILE *file;

	for (const char *next = at; next != NULL;
	     next = strstr(next + 1, "fetcher-"))
		at = next;
	if (at != NULL && strstr(at, "fetcher-fault") == NULL)
		return at + strlen("fetcher-");
	(void)snprintf(path, sizeof(path), "%s.fault", name);
	if ((file = fopen(path, "r")) != NULL) {
		if (fscanf(file, "%63s", word) != 1)
			word[0] = '\0';
		fclose(file);
	}
	return word;
}

/* True the first time that this program of this name runs. */
static bool
is_first(void)
{
	const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s.ran", name);
	if (access(path, F_OK) == 0)
		return false;
	if ((file = fopen(path, "w")) != NULL)
		fclose(file);
	return true;
}

static void
flood(const char *unit, size_t len)
{
	static char block[65536];

	for (size_t at = 0; at + len <= sizeof(block); at += len)
		memcpy(block + at, unit, len);
	for (size_t sent = 0; sent < GIB; sent += sizeof(block))
		say_bytes(block, sizeof(block));
}

static void
die_in_reply(const char *number)
{
	say_numbered(number, " ok - 1000 \nversion: STSv1\n");
	(void)kill(getpid(), SIGKILL);
}

static void
answer_slowly(const char *number)
{
	const char rest[] = " fetch_connect - 0 slow\n";

	say(number);
	for (size_t i = 0; i < sizeof(rest) - 1; i++) {
		nap(200);
		say_bytes(&rest[i], 1);
	}
}

static void
answer_twice(const char *number)
{
	say_numbered(number, " fetch_connect - 0 \n");
	say_numbered(number, " fetch_connect - 0 \n");
}

static void
answer_too_long(const char *number)
{
	say_numbered(number, " ok - 5 \nversion: STSv1\nend ");
	say_numbered(number, "\n");
}

static void
answer_too_short(const char *number)
{
	say_numbered(number, " ok - 50 \nversion: STSv1\nend ");
	say_numbered(number, "\n");
}

/* What is said to a request. */
static void
answer(const char *fault, const char *number)
{
	if (strcmp(fault, "dies") == 0)
		_exit(0);
	if (strcmp(fault, "killed") == 0)
		die_in_reply(number);
	if (strcmp(fault, "nonsense") == 0)
		say("GET / HTTP/1.1\n");
	if (strcmp(fault, "flood") == 0)
		flood("x", 1);
	if (strcmp(fault, "flood-lines") == 0)
		flood("0 ok - 0 x\n", 11);
	if (strcmp(fault, "huge") == 0) {
		say_numbered(number, " ok - 1073741824 \n");
		flood("x", 1);
	}
	if (strcmp(fault, "slow") == 0)
		answer_slowly(number);
	if (strcmp(fault, "number") == 0)
		say("4000000000 fetch_connect - 0 \n");
	if (strcmp(fault, "twice") == 0)
		answer_twice(number);
	if (strcmp(fault, "short") == 0)
		answer_too_short(number);
	if (strcmp(fault, "long") == 0)
		answer_too_long(number);
	if (strcmp(fault, "status") == 0)
		say_numbered(number, " dns_nxdomain - 0 \n");
	if (strcmp(fault, "kind") == 0)
		say_numbered(number, " mx_connect - 0 \n");
	if (strcmp(fault, "once") == 0)
		say_numbered(number, " fetch_connect - 0 \n");
	if (strcmp(fault, "late") == 0)
		say_numbered(number, " fetch_timeout - 0 \n");
}

static void
serve(const char *fault, bool first)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, " ")] = '\0';
		if (first) {
			/* Others have been asked for by now. */
			nap(strcmp(fault, "late") == 0 ? 1000 : 100);
			die_in_reply(line);
		}
		answer(fault, line);
	}
}

int
main(void)
{
	const char *fault = find_fault();
	bool first =
	    (strcmp(fault, "once") == 0 || strcmp(fault, "late") == 0) &&
	    is_first();

	if (strcmp(fault, "silent") == 0) {
		for (;;)
			nap(1000000);
	}
	if (strcmp(fault, "old") == 0)
		say("fetcher 0 ok none \n");
	else if (strcmp(fault, "unfit") == 0)
		say("fetcher 1 internal none no such library\n");
	else
		say(hello);
	if (strcmp(fault, "babbles") == 0)
		say("what?\n");
	serve(fault, first);
	/* The end of input, which one that hangs does not see. */
	while (strcmp(fault, "hangs") == 0)
		nap(1000000);
	return 0;
}
