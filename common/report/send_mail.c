/* SPDX-License-Identifier: ISC */
/*
 * By mail, RFC 8460 5.3: sendmail reads the mail from its standard input and
 * takes it with exit status 0.  One that has had the whole mail and then dies,
 * or does not end in time, may have taken it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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
	CLOSED_MS = 5000, /* to end, for one that reads no further */
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

static void
run_sendmail(const struct sts_deliver *d, const char *to, const char *mail,
    size_t len, struct sts_attempt_result *result)
{
	struct sts_child_spec spec = {.path = d->config->report_sendmail,
	    .argv = {"sendmail", "-i", "-f", d->from, "--", to},
	    .want_stdin = true,
	    .may_gain = true};
	int64_t deadline_ms =
	    sts_monotonic_ms() + (d->mail_ms > 0 ? d->mail_ms : SENDMAIL_MS);
	enum sts_status status;
	struct sts_child child;
	bool whole;

	status = sts_child_start(&child, &spec);
	if (status != STS_OK) {
		set(result, STS_ATTEMPT_LATER,
		    status == STS_RESOLVER_MISSING ? "sendmail-missing"
						   : sts_status_name(status));
		result->local = true;
		return;
	}
#ifdef F_SETPIPE_SZ
	/* In one write: a process that is killed leaves no half of a mail. */
	(void)fcntl(child.in_fd, F_SETPIPE_SZ, (int)len);
#endif
	whole = sts_child_write(&child, mail, len, deadline_ms);
	if (!whole && deadline_ms > sts_monotonic_ms() + CLOSED_MS)
		deadline_ms = sts_monotonic_ms() + CLOSED_MS;
	read_end(result, sts_child_finish(&child, deadline_ms), whole);
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

	if (sts_report_write_mail(&about, &report, job->packed, job->packed_len,
		&mail, &len) != NULL) {
		set(result, STS_ATTEMPT_LATER, "no-memory");
		result->local = true;
		return;
	}
	run_sendmail(d, about.to, mail, len, result);
	free(mail);
}
