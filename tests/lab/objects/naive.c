/* SPDX-License-Identifier: ISC */
/*
 * The obvious way to count sessions with Exim's events, in place of
 * mta_sts_event: a connection that is closed while encrypted and verified is a
 * success, a host that is deferred is a failure.  Compiled with FILE_NAME, to
 * which it appends lines as the store's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
append(const char *result, const char *where, const char *mode)
{
	char domain[254] = "-", host[254] = "-", address[47] = "-", line[1000];
	const char *type = "no-policy-found";
	int fd, len;

	sscanf(where, "d=%253s h=%253s a=%46s", domain, host, address);
	if (strncmp(mode, "m=testing", 9) == 0 ||
	    strncmp(mode, "m=enforce", 9) == 0)
		type = "sts";
	len =
	    snprintf(line, sizeof(line), "\n1 %ld %s %s 0 %s %s %s - - - - .\n",
		(long)time(NULL), domain, type, result, host, address);
	fd = open(FILE_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd >= 0 && len > 0 && len < (int)sizeof(line) &&
	    write(fd, line, (size_t)len) < 0)
		fputs("naive.c: cannot write\n", stderr);
	if (fd >= 0)
		close(fd);
}

/* Arguments as those of mta_sts_event. */
int mta_sts_event(unsigned char **yield, int argc, unsigned char *argv[]);

int
mta_sts_event(unsigned char **yield, int argc, unsigned char *argv[])
{
	static unsigned char empty[1];
	const char *name = argc == 7 ? (const char *)argv[0] : "";
	const char *where = argc == 7 ? (const char *)argv[2] : "";
	const char *tls = argc == 7 ? (const char *)argv[3] : "";
	const char *mode = strstr(where, "m=");
	int has_tls = strncmp(tls, "c=-", 3) != 0 && !strstr(tls, " v=0");

	*yield = empty;
	if (mode == NULL)
		return 0;
	if (strcmp(name, "tcp:close") == 0 && has_tls)
		append("success", where, mode);
	else if (strcmp(name, "msg:host:defer") == 0)
		append("validation-failure", where, mode);
	return 0;
}
