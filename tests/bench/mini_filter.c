/* SPDX-License-Identifier: ISC */
/*
 * The least that a filter of smtpd's can do for a recipient whose policy it
 * looks at: mini_filter STATE reads the check, the policy and the routes of
 * each recipient's domain, and says proceed.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/mini.h"

static char out[65536];
static size_t out_len;

static void
flush(void)
{
	if (write(STDOUT_FILENO, out, out_len) != (ssize_t)out_len)
		exit(1);
	out_len = 0;
}

static void
put(const char *text)
{
	size_t len = strlen(text);

	if (len > sizeof(out) - out_len)
		flush();
	memcpy(out + out_len, text, len);
	out_len += len;
}

/* filter|VERSION|TIME|smtp-in|rcpt-to|SESSION|TOKEN|ADDRESS */
static void
handle(char *line, const char *state)
{
	char *field[8], *domain, reply[200];
	int count = 0;

	if (strcmp(line, "config|ready") == 0)
		put("register|report|smtp-in|link-connect\n"
		    "register|filter|smtp-in|rcpt-to\nregister|ready\n");
	for (; count < 8 && line != NULL; count++)
		field[count] = strsep(&line, "|");
	if (count < 8 || strcmp(field[4], "rcpt-to") != 0 ||
	    (domain = strrchr(field[7], '@')) == NULL)
		return;
	(void)mini_read(state, "checks", domain + 1);
	if (mini_read(state, "policies", domain + 1))
		(void)mini_read(state, "routes", domain + 1);
	(void)snprintf(reply, sizeof(reply), "filter-result|%s|%s|proceed\n",
	    field[5], field[6]);
	put(reply);
}

int
main(int argc, char **argv)
{
	static char in[65536];
	size_t len = 0;
	ssize_t got;

	if (argc != 2)
		return 2;
	while ((got = read(0, in + len, sizeof(in) - len)) > 0) {
		char *line = in, *end;

		len += (size_t)got;
		while ((end = memchr(line, '\n', len - (size_t)(line - in))) !=
		    NULL) {
			*end = '\0';
			handle(line, argv[1]);
			line = end + 1;
		}
		len -= (size_t)(line - in);
		memmove(in, line, len);
		flush();
	}
	return 0;
}
