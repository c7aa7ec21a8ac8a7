/* SPDX-License-Identifier: ISC */
/*
 * By mail, RFC 8460 5.3: sendmail reads the mail from its standard input and
 * takes it with exit status 0.  One that has read the whole mail and then dies,
 * or does not end in time, may have taken it.
 *
 * Its input is a file and no pipe: of a process that is killed before it has
 * written everything sendmail would take a part of the mail for a whole one.
 */
#include <sys/mman.h>
#include <sys/types.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "report/deliver.h"
#include "report/destination.h"
#include "report/report.h"
#include "report/write.h"
#include "store/outcomes.h"

enum {
	SENDMAIL_MS = 120 * 1000,
	/* Exit statuses of sysexits.h that refuse a recipient for good. */
	EXIT_DATAERR = 65,
	EXIT_NOUSER = 67,
	EXIT_NOHOST = 68
};

static void
set(struct sts_attempt_result *result, enum sts_attempt what,
    const char *reason)
{
	result->what = what;
	sts_copy_head(result->reason, reason, sizeof(result->reason));
}

static void
read_end(struct sts_attempt_result *result, int wait_status, bool whole)
{
	char reason[32];
	int code;

	if (wait_status == -1 || !WIFEXITED(wait_status)) {
		set(result, whole ? STS_ATTEMPT_UNSURE : STS_ATTEMPT_LATER,
		    wait_status == -1 ? "sendmail-timeout" : "sendmail-died");
		result->local = true;
		result->slow = wait_status == -1;
		return;
	}
	code = WEXITSTATUS(wait_status);
	(void)snprintf(reason, sizeof(reason), "sendmail-exit-%d", code);
	if (code == 0 && whole)
		set(result, STS_ATTEMPT_TAKEN, "");
	else if (code == 0)
		set(result, STS_ATTEMPT_LATER, "sendmail-reads-nothing");
	else if (code == EXIT_DATAERR || code == EXIT_NOUSER ||
	    code == EXIT_NOHOST)
		set(result, STS_ATTEMPT_REFUSED, reason);
	else
		set(result, STS_ATTEMPT_LATER, reason);
}

/* A file without a name that has the mail, at its beginning; -1: none. */
static int
open_mail(const char *mail, size_t len)
{
	FILE *file;
	int fd = -1;

#ifdef MFD_CLOEXEC
	fd = memfd_create("report", MFD_CLOEXEC);
#endif
	/* Elsewhere in the directory for temporary files. */
	if (fd < 0 && (file = tmpfile()) != NULL) {
		fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		(void)fclose(file);
	}
	if (fd < 0)
		return -1;
	while (len > 0) {
		ssize_t n = write(fd, mail, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		mail += n;
		len -= (size_t)n;
	}
	if (len == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* With a file for its input, whose offset says how much it has read. */
static void
run_sendmail(const struct sts_deliver *d, const char *to, int mail, off_t len,
    struct sts_attempt_result *result)
{
	struct sts_child_spec spec = {.path = d->config->report_sendmail,
	    .argv = {"sendmail", "-i", "-f", d->from, "--", to},
	    .stdin_fd = mail,
	    .may_gain = true};
	int64_t deadline_ms =
	    sts_monotonic_ms() + (d->mail_ms > 0 ? d->mail_ms : SENDMAIL_MS);
	enum sts_status status;
	struct sts_child child;
	int wait_status;

	status = sts_child_start(&child, &spec);
	if (status != STS_OK) {
		set(result, STS_ATTEMPT_LATER,
		    status == STS_RESOLVER_MISSING ? "sendmail-missing"
						   : sts_status_name(status));
		result->local = true;
		return;
	}
	wait_status = sts_child_finish(&child, deadline_ms);
	read_end(result, wait_status, lseek(mail, 0, SEEK_CUR) >= len);
}

void
sts_deliver_mail(struct sts_deliver *d, const struct sts_report_job *job,
    const struct sts_delivery *to, struct sts_attempt_result *result)
{
	struct sts_report_mail about = {.from = d->from,
	    .to = sts_destination_address(to->uri),
	    .submitter = d->submitter,
	    .domain = job->domain,
	    .date = d->now};
	struct sts_report report = {.id = job->id,
	    .begin = job->day * STS_DAY,
	    .end = job->day * STS_DAY + STS_DAY - 1};
	size_t len;
	char *mail;
	int fd = -1;

	if (sts_report_write_mail(&about, &report, job->packed, job->packed_len,
		&mail, &len) == NULL)
		fd = open_mail(mail, len);
	free(mail);
	if (fd < 0) {
		set(result, STS_ATTEMPT_LATER, "no-memory");
		result->local = true;
		return;
	}
	run_sendmail(d, about.to, fd, (off_t)len, result);
	close(fd);
}
