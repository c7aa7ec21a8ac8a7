/* SPDX-License-Identifier: ISC */
/* The TXT record of _smtp._tls.DOMAIN, RFC 8460 3. */
#include <string.h>

#include "core/record.h"
#include "publish/checks.h"

#define RULE(...) STS_CHECKS_RULE(STS_PART_REPORTS, __VA_ARGS__)

RULE(no_dns, STS_PUBLISH_PROBLEM, "tlsrpt_dns",
    "see that every name server of DOMAIN answers TXT queries for "
    "_smtp._tls.DOMAIN");
RULE(missing, STS_PUBLISH_REMARK, "tlsrpt_missing",
    "publish: _smtp._tls.DOMAIN. IN TXT \"v=TLSRPTv1; "
    "rua=mailto:tls-reports@DOMAIN\"");
RULE(several, STS_PUBLISH_PROBLEM, "tlsrpt_several",
    "remove all but one of them; one record may have several rua, with commas");
RULE(ill_formed, STS_PUBLISH_PROBLEM, "tlsrpt_ill_formed",
    "publish: _smtp._tls.DOMAIN. IN TXT \"v=TLSRPTv1; "
    "rua=mailto:tls-reports@DOMAIN\"");
RULE(bad_rua, STS_PUBLISH_PROBLEM, "tlsrpt_rua",
    "write rua=mailto:tls-reports@DOMAIN, or rua=https:// and the URL of a "
    "collector");

static void
check_set(const struct sts_checks *c, const struct sts_published_txt *set)
{
	struct sts_rua_list list;
	enum sts_status status =
	    sts_record_tlsrpt(set->record, set->count, &list);
	struct sts_span first =
	    set->count > 0 ? set->record[0] : (struct sts_span){"", 0};
	int shown = sts_checks_shown(first.len);

	if (status == STS_NO_RECORD && set->count == 0)
		sts_checks_found(c, &missing, "",
		    "there is no record at _smtp._tls.%s, so no sender "
		    "reports which sessions fail",
		    c->p->domain);
	else if (status == STS_RECORD_MULTIPLE)
		sts_checks_found(c, &several, "",
		    "more than one record of _smtp._tls.%s begins with "
		    "v=TLSRPTv1; senders then act as if there were none",
		    c->p->domain);
	else if (status == STS_RECORD_BAD_RUA || status == STS_RECORD_NO_RUA)
		sts_checks_found(c, &bad_rua, "",
		    "%s, so no report can be sent: \"%.*s\"",
		    sts_status_text(status), shown, first.p);
	else if (status != STS_OK)
		sts_checks_found(c, &ill_formed, "",
		    "%s, so senders act as if there were no record: \"%.*s\"",
		    status == STS_NO_RECORD ? "no record begins with v=TLSRPTv1"
					    : sts_status_text(status),
		    shown, first.p);
	else if (list.unusable > 0)
		sts_checks_found(c, &bad_rua, "",
		    "%zu of its destinations are neither a mailto: nor an "
		    "https: that can be used: \"%.*s\"",
		    list.unusable, shown, first.p);
}

void
sts_checks_reports(const struct sts_checks *c)
{
	const struct sts_published_txt *set = &c->p->txt[STS_AT_REPORTS];

	if (!set->asked || sts_status_is_local(set->status))
		return;
	if (!sts_checks_is_answer(set->status))
		sts_checks_found(c, &no_dns, "", "_smtp._tls.%s: %s",
		    c->p->domain, sts_status_text(set->status));
	else
		check_set(c, set);
}
