/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts report import`: what another machine has recorded of its sessions,
 * for one report of all.  Each day's file is replaced as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hashmap.h"
#include "client/ask.h"
#include "core/domain.h"
#include "store/outcomes_take.h"
#include "store/reports.h"
#include "tool/tool.h"

enum {
	DAYS = STS_OUTCOMES_DAYS + 1,
	ASK_MS = 5 * 60 * 1000, /* for all domains of a run */
	DOMAINS_MAX = 10000,
	SEEN_SLOTS = 32768 /* a power of 2, well above that */
};

struct importing {
	struct sts_tool *tool;
	struct sts_store *store;
	char machine[STS_NAME_MAX + 1];
	int fd[DAYS]; /* of today and the days before; -1: none */
	uint64_t taken, same, bad, late, twins;
	int64_t end_ms;
	size_t domains; /* that were asked about, and hashes of their names */
	uint64_t seen[SEEN_SLOTS];
};

/* As the caller, perhaps root, who can read what the owner may not. */
static void
open_days(struct importing *im, int dir)
{
	char name[STS_DAY_TEXT];
	struct stat st;

	for (int i = 0; i < DAYS; i++) {
		sts_outcomes_day_text(im->tool->now / STS_DAY - i, name);
		im->fd[i] = openat(
		    dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (im->fd[i] >= 0 &&
		    (fstat(im->fd[i], &st) != 0 || !S_ISREG(st.st_mode))) {
			(void)close(im->fd[i]);
			im->fd[i] = -1;
		}
	}
}

static void
close_days(struct importing *im)
{
	for (int i = 0; i < DAYS; i++)
		if (im->fd[i] >= 0)
			(void)close(im->fd[i]);
}

/* True if the domain was seen before; a hash is enough to save a lookup. */
static bool
is_seen(struct importing *im, const char *domain)
{
	uint64_t hash = sts_hashmap_hash(domain) | 1;
	size_t at = (size_t)(hash >> 1) % SEEN_SLOTS;

	while (im->seen[at] != 0 && im->seen[at] != hash)
		at = (at + 1) % SEEN_SLOTS;
	if (im->seen[at] == hash)
		return true;
	im->seen[at] = hash;
	im->domains++;
	return false;
}

/*
 * Reports go where the domain's record says, and a domain that only the other
 * machine sends to has none here: it is looked up, as for mail.
 */
static bool
ask_domain(void *arg, const struct sts_outcome *outcome)
{
	struct importing *im = arg;
	struct sts_answer answer;
	struct sts_check check;

	if (is_seen(im, outcome->domain))
		return true;
	if (im->domains > DOMAINS_MAX || sts_monotonic_ms() >= im->end_ms)
		return false;
	if (sts_store_read_check(
		im->store, outcome->domain, im->tool->now, &check) == STS_OK &&
	    check.tlsrpt[0] != '\0')
		return true;
	sts_ask(&im->tool->config, outcome->domain, NULL, &answer);
	sts_answer_free(&answer);
	return true;
}

static bool
is_late(struct importing *im, int64_t day)
{
	return sts_reports_is_planned(im->store, day);
}

static void
note_taken(
    struct importing *im, int64_t day, const struct sts_outcomes_taken *taken)
{
	char text[STS_DAY_TEXT];

	sts_outcomes_day_text(day, text);
	im->bad += taken->bad;
	im->same += !taken->changed && taken->twin[0] == '\0';
	im->taken += taken->changed;
	im->twins += taken->twin[0] != '\0';
	if (taken->bad > 0)
		(void)fprintf(im->tool->err, "%s: %llu ill-formed lines\n",
		    text, (unsigned long long)taken->bad);
	if (taken->twin[0] != '\0')
		(void)fprintf(im->tool->err,
		    "%s: the same as %s, which counts already; left out\n",
		    text, taken->twin);
	if (taken->changed && is_late(im, day)) {
		im->late++;
		(void)fprintf(im->tool->err,
		    "%s: the reports about that day have been made without "
		    "this\n",
		    text);
	}
}

static enum sts_status
take_day(struct importing *im, int i)
{
	int64_t day = im->tool->now / STS_DAY - i;
	struct sts_outcomes_reader reader = {ask_domain, NULL, im, 0};
	struct sts_outcomes_taken taken;
	enum sts_status status =
	    sts_outcomes_take(im->store, day, im->machine, im->fd[i], &taken);
	bool ended;

	if (status != STS_OK)
		return status;
	note_taken(im, day, &taken);
	/* Only while reports about the day are still to be made. */
	if (i <= 1 && taken.twin[0] == '\0' && !is_late(im, day) &&
	    lseek(im->fd[i], 0, SEEK_SET) == 0)
		(void)sts_outcomes_read_fd(im->fd[i], &reader, &ended);
	return STS_OK;
}

static int
take_days(struct importing *im)
{
	enum sts_status status = STS_OK;

	im->end_ms = sts_monotonic_ms() + ASK_MS;
	for (int i = DAYS - 1; i >= 0 && status == STS_OK; i--)
		if (im->fd[i] >= 0)
			status = take_day(im, i);
	(void)fprintf(im->tool->out,
	    "taken %llu, unchanged %llu, left out %llu, ill-formed lines "
	    "%llu\n",
	    (unsigned long long)im->taken, (unsigned long long)im->same,
	    (unsigned long long)im->twins, (unsigned long long)im->bad);
	if (status != STS_OK)
		return sts_tool_outside(
		    im->tool, "%s", sts_status_text(status));
	return im->bad + im->late + im->twins > 0 ? STS_EXIT_NO : STS_EXIT_OK;
}

static int
import(struct importing *im, int dir)
{
	int code;

	open_days(im, dir);
	code = sts_tool_open_store(im->tool, true, &im->store);
	if (code == STS_EXIT_OK)
		code = take_days(im);
	sts_store_close(im->store);
	close_days(im);
	return code;
}

int
sts_tool_report_import(struct sts_tool *tool)
{
	const char *path = tool->operand[1];
	struct importing *im = calloc(1, sizeof(*im));
	int code, dir;

	if (im == NULL)
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	im->tool = tool;
	if (sts_domain_normalise(tool->operand[0], im->machine) != STS_OK) {
		code = sts_tool_no_domain(tool, 0, STS_BAD_DOMAIN);
	} else if ((dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		code = sts_tool_outside(tool, "%s: %s", path, strerror(errno));
	} else {
		code = import(im, dir);
		(void)close(dir);
	}
	free(im);
	return code;
}
