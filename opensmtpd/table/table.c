/* SPDX-License-Identifier: ISC */
/*
 * table-mta-sts: tells smtpd, at every delivery attempt, which host may receive
 * a domain's mail.  See table-mta-sts(5).
 *
 * smtpd stops all its work while it waits for an answer, and exits when a table
 * exits: so this program only reads the store, and runs until its input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "opensmtpd/daemon.h"
#include "opensmtpd/table/table_proto.h"

enum { READ_BYTES = 65536, LAST_MS = 2000 };

/* The first byte shows the protocol. */
enum protocol { NOT_YET, TEXT, IMSG };

struct program {
	struct sts_table table;
	struct sts_output output;
	struct sts_table_text text;
	struct sts_table_imsg imsg;
	enum protocol protocol;
};

/*
 * imsg begins with a message of type 2; text with "config|". smtpd 6.8 has its
 * socket on descriptor 0 only.
 */
static void
choose_protocol(struct program *p, char first)
{
	struct stat st;

	p->protocol = first == 2 || first == 0 ? IMSG : TEXT;
	if (p->protocol == IMSG && fstat(STDIN_FILENO, &st) == 0 &&
	    S_ISSOCK(st.st_mode))
		sts_output_open(&p->output, STDIN_FILENO);
	else
		sts_output_open(&p->output, STDOUT_FILENO);
	p->text.table = p->imsg.table = &p->table;
	p->text.output = p->imsg.output = &p->output;
}

/* False at the end of input. */
static bool
read_input(struct program *p)
{
	static char buf[READ_BYTES];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0)
		return sts_daemon_may_read_again(errno);
	if (n == 0)
		return false;
	if (p->protocol == NOT_YET)
		choose_protocol(p, buf[0]);
	if (p->protocol == IMSG)
		sts_table_imsg_feed(&p->imsg, buf, (size_t)n);
	else
		sts_table_text_feed(&p->text, buf, (size_t)n);
	return true;
}

/* Waits for input, room for output, or a background job. */
static bool
wait_for_input(struct program *p)
{
	struct pollfd fds[2 + STS_WORKER_FDS] = {
	    {STDIN_FILENO, POLLIN, 0}, {-1, POLLOUT, 0}};
	size_t count = 2;

	if (sts_output_pending(&p->output) > 0)
		fds[1].fd = p->output.fd;
	if (sts_output_pending(&p->output) > STS_OUTPUT_HIGH)
		fds[0].fd = -1;
	count += sts_worker_poll(p->table.worker, fds + 2);
	sts_daemon_poll(fds, count, sts_table_due_ms(&p->table));
	return fds[0].revents != 0;
}

/* Answers first, since background work may be slow. */
static void
run(struct program *p)
{
	bool open = true;

	while (open) {
		if (wait_for_input(p))
			open = read_input(p);
		if (p->protocol != NOT_YET)
			sts_output_flush(&p->output);
		sts_table_step(&p->table);
	}
	if (p->protocol != NOT_YET)
		sts_output_drain(&p->output, LAST_MS);
}

/* "table-mta-sts [-f] FILE"; smtpd passes only the file. */
static const char *
config_file_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-f") != 0 && argv[i][0] != '-')
			return argv[i];
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct program program;
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (argc == 2 && sts_daemon_is_option(argv[1], "table-mta-sts [FILE]"))
		return 0;
	name = name != NULL ? name + 1 : argc > 0 ? argv[0] : "mta-sts";
	/* smtpd gives its tables its own standard error. */
	sts_daemon_begin("table-mta-sts", false);
	sts_table_init(&program.table, name, config_file_of(argc, argv));
	run(&program);
	sts_table_close(&program.table);
	return 0;
}
