/* SPDX-License-Identifier: ISC */
/*
 * filter-mta-sts: delays its answer to a recipient until the store has what
 * smtpd will ask table-mta-sts for.  See filter-mta-sts(8).
 *
 * smtpd exits when a filter exits: so this program runs until its input ends,
 * whatever happens, and lets the recipient proceed if it cannot do its work,
 * since the table decides at every delivery attempt.
 */
#include "opensmtpd/filter/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "opensmtpd/daemon.h"

enum { READ_BYTES = 65536, LAST_MS = 2000, CONFIG_AGAIN_MS = 10000 };

static const char usage[] = "filter-mta-sts [-g] [-f FILE] [-n NETWORK]...";

/* A wrong option must not stop the mail server. */
static const char *
parse_options(struct sts_filter *f, int argc, char **argv)
{
	const char *file = NULL;

	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "-g") == 0)
			f->gate = true;
		else if (strcmp(argv[i], "-f") == 0 && more)
			file = argv[++i];
		else if (strcmp(argv[i], "-n") == 0 && more) {
			if (!sts_networks_add(&f->networks, argv[++i]))
				sts_log(STS_LOG_ERROR, NULL,
				    "event=option reason=network value=%s",
				    argv[i]);
		} else
			sts_log(STS_LOG_ERROR, NULL,
			    "event=option reason=unknown value=%s", argv[i]);
	}
	return file;
}

/* Whatever is wrong with it, default values remain. */
static void
load_config(struct sts_filter *f, const char *file)
{
	sts_config_free(&f->config);
	f->config_status =
	    sts_config_load(&f->config, file, sts_config_note_log, NULL);
	sts_log_open("filter-mta-sts", STS_LOG_STDERR, f->config.log_level);
	if (f->config_status != STS_OK)
		sts_log(STS_LOG_ERROR, NULL, "event=config reason=%s",
		    sts_status_name(f->config_status));
}

/* The resolver's answer: answers recipients that wait for it. */
static void
on_done(void *arg, enum sts_worker_what what, const char *domain,
    enum sts_status status)
{
	struct sts_filter *f = arg;

	if (!sts_hold_done(f, what, domain, status))
		sts_refresh_done(f, what, domain, status);
}

/* False at the end of input. */
static bool
read_input(struct sts_filter *f)
{
	static char buf[READ_BYTES];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0)
		return sts_daemon_may_read_again(errno);
	sts_lines_feed(&f->lines, buf, (size_t)n, sts_filter_handle_line, f);
	return n > 0;
}

/* When to act next without input. */
static int64_t
due_ms(const struct sts_filter *f)
{
	int64_t due = sts_min(sts_hold_due_ms(f), sts_refresh_due_ms(f));

	due = sts_min(due, sts_report_due_ms(f));
	return sts_min(due, sts_worker_due_ms(f->worker));
}

/* True if there is input, or its end. */
static bool
wait_for_input(struct sts_filter *f)
{
	struct pollfd fds[2 + STS_WORKER_FDS] = {
	    {STDIN_FILENO, POLLIN, 0}, {-1, POLLOUT, 0}};
	size_t count = 2;

	if (sts_output_pending(&f->output) > 0)
		fds[1].fd = f->output.fd;
	if (sts_output_pending(&f->output) > STS_OUTPUT_HIGH)
		fds[0].fd = -1;
	count += sts_worker_poll(f->worker, fds + 2);
	sts_daemon_poll(fds, count, due_ms(f));
	return fds[0].revents != 0;
}

/* A configuration that could not be read may be readable now. */
static void
retry_config(struct sts_filter *f, const char *file, int64_t *tried_ms)
{
	if (f->config_status == STS_OK ||
	    sts_monotonic_ms() - *tried_ms < CONFIG_AGAIN_MS)
		return;
	*tried_ms = sts_monotonic_ms();
	load_config(f, file);
}

/*
 * All work is done between two calls of poll(2).  The resolver comes after the
 * steps that may use it, the output last.
 */
static void
run(struct sts_filter *f, const char *file)
{
	int64_t tried_ms = sts_monotonic_ms();
	bool open = true;

	while (open) {
		if (wait_for_input(f)) {
			retry_config(f, file, &tried_ms);
			open = read_input(f);
		}
		sts_hold_expire(f, false);
		if (f->registered)
			sts_refresh_step(f);
		sts_report_step(f, false);
		sts_worker_step(f->worker);
		sts_output_flush(&f->output);
	}
	/* Answers recipients that still wait, in case smtpd reads on. */
	sts_hold_expire(f, true);
	sts_output_drain(&f->output, LAST_MS);
	sts_report_step(f, true);
}

int
main(int argc, char **argv)
{
	static struct sts_filter filter;
	const char *file;

	if (argc == 2 && sts_daemon_is_option(argv[1], usage))
		return 0;
	/* smtpd gives each filter its own socket as standard error. */
	sts_daemon_begin("filter-mta-sts", true);
	file = parse_options(&filter, argc, argv);
	load_config(&filter, file);
	sts_output_open(&filter.output, STDOUT_FILENO);
	sts_delivery_log_init(
	    &filter.deliveries, &filter.config, STS_DELIVERY_LOG_SENT, true);
	sts_delivery_log_init(
	    &filter.asked, &filter.config, STS_DELIVERY_LOG_ASKED, false);
	filter.worker = sts_worker_create(&filter.config, on_done, &filter);
	run(&filter, file);
	sts_worker_destroy(filter.worker);
	sts_delivery_log_close(&filter.deliveries);
	sts_delivery_log_close(&filter.asked);
	sts_output_close(&filter.output);
	return 0;
}
