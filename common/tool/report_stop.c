/* SPDX-License-Identifier: ISC */
/* `mta-sts report stop`: no reports for destinations whose mail came back. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/destination.h"
#include "store/reports.h"
#include "tool/tool.h"

/* An address, or a URI as in a record, as it is in the list. */
static bool
read_destination(const char *text, char uri[STS_DESTINATION_BYTES])
{
	char record[STS_TLSRPT_MAX + 32];
	struct sts_report_job job;
	bool is_uri =
	    strncmp(text, "mailto:", 7) == 0 || strncmp(text, "https:", 6) == 0;
	int len = snprintf(record, sizeof(record), "v=TLSRPTv1; rua=%s%s",
	    is_uri ? "" : "mailto:", text);

	if (len >= (int)sizeof(record) ||
	    sts_destinations_read(record, &job) != 1)
		return false;
	memcpy(uri, job.to[0].uri, STS_DESTINATION_BYTES);
	return true;
}

static enum sts_status
add(struct sts_store *store, const char *uri, int64_t now)
{
	struct sts_refused refused;
	enum sts_status status = sts_refused_read(store, now, &refused);

	if (status == STS_OK)
		status = sts_refused_add(
		    store, &refused, uri, now, STS_REFUSED_BY_OPERATOR);
	sts_refused_free(&refused);
	return status;
}

int
sts_tool_report_stop(struct sts_tool *tool)
{
	char uri[STS_DESTINATION_BYTES], until[STS_TIME_TEXT];
	struct sts_store *store;
	enum sts_status status;
	int code, lock;

	if (!read_destination(tool->operand[0], uri)) {
		(void)fprintf(tool->err,
		    "mta-sts: \"%s\" is neither a mail address nor a mailto: "
		    "or https: destination\n",
		    tool->operand[0]);
		return STS_EXIT_USAGE;
	}
	code = sts_tool_open_store(tool, true, &store);
	if (code != STS_EXIT_OK)
		return code;
	status = sts_reports_lock(store, &lock);
	if (status == STS_OK) {
		status = add(store, uri, tool->now);
		close(lock);
	}
	sts_store_close(store);
	if (status == STS_STATE_LOCKED)
		return sts_tool_outside(
		    tool, "report send is at work; try again later");
	if (status != STS_OK)
		return sts_tool_outside(tool, "%s", sts_status_text(status));
	(void)fprintf(tool->out, "%s: no reports before %s\n", uri,
	    sts_time_text(until, tool->now + STS_REFUSED_SECONDS));
	return STS_EXIT_OK;
}
