/* SPDX-License-Identifier: ISC */
/*
 * The least that a table of smtpd's can do for a domain whose policy it looks
 * at: mini_table STATE reads its check and its policy, and says whether there
 * is one.  The text protocol of smtpd 7.6 and the imsg of 6.8, told apart by
 * the first byte, as table-mta-sts does it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/mini.h"

enum { OPEN = 2, CHECK = 5, SERVICE = 4 + sizeof(size_t) };

struct header {
	uint32_t type;
	uint16_t len;
	uint16_t flags;
	uint32_t peerid;
	uint32_t pid;
};

static char out[65536];
static size_t out_len;
static const char *state;
/* smtpd 6.8 has the socket as descriptor 0 alone. */
static int out_fd = STDOUT_FILENO;

static void
flush(void)
{
	if (write(out_fd, out, out_len) != (ssize_t)out_len)
		exit(1);
	out_len = 0;
}

static void
put(const void *bytes, size_t len)
{
	if (len > sizeof(out) - out_len)
		flush();
	memcpy(out + out_len, bytes, len);
	out_len += len;
}

static bool
has_policy(const char *domain)
{
	(void)mini_read(state, "checks", domain);
	return mini_read(state, "policies", domain);
}

/* table|VERSION|TIME|NAME|check|SERVICE|ID|KEY */
static void
handle_line(char *line)
{
	static const char lines[] = "register|domain\nregister|ready\n";
	char *field[8], reply[200];
	int count = 0;

	if (strcmp(line, "config|ready") == 0)
		put(lines, sizeof(lines) - 1);
	for (; count < 8 && line != NULL; count++)
		field[count] = strsep(&line, "|");
	if (count < 8 || strcmp(field[4], "check") != 0)
		return;
	(void)snprintf(reply, sizeof(reply), "check-result|%s|%s\n", field[6],
	    has_policy(field[7]) ? "found" : "not-found");
	put(reply, strlen(reply));
}

static void
handle_message(const struct header *h, const char *payload)
{
	struct header reply = {0, sizeof(reply), 0, 0, 0};
	int32_t found;

	if (h->type == CHECK) {
		found = has_policy(payload + SERVICE);
		reply.len += sizeof(found);
		put(&reply, sizeof(reply));
		put(&found, sizeof(found));
	} else if (h->type == OPEN)
		put(&reply, sizeof(reply));
}

/* Both return what they used of `len` bytes. */
static size_t
take_lines(char *in, size_t len)
{
	char *line = in, *end;

	while ((end = memchr(line, '\n', len - (size_t)(line - in))) != NULL) {
		*end = '\0';
		handle_line(line);
		line = end + 1;
	}
	return (size_t)(line - in);
}

static size_t
take_messages(const char *in, size_t len)
{
	size_t used = 0;
	struct header h;

	while (len - used >= sizeof(h)) {
		memcpy(&h, in + used, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - used)
			break;
		handle_message(&h, in + used + sizeof(h));
		used += h.len;
	}
	return used;
}

int
main(int argc, char **argv)
{
	static char in[65536];
	size_t len = 0, used;
	bool is_text = false, is_known = false;
	ssize_t got;

	if (argc != 2)
		return 2;
	state = argv[1];
	while ((got = read(0, in + len, sizeof(in) - len)) > 0) {
		if (!is_known)
			is_text = in[0] == 'c' || in[0] == 't';
		is_known = true;
		if (!is_text)
			out_fd = STDIN_FILENO;
		len += (size_t)got;
		used = is_text ? take_lines(in, len) : take_messages(in, len);
		len -= used;
		memmove(in, in + used, len);
		flush();
	}
	return 0;
}
