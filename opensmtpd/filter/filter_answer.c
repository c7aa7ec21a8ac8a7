/* SPDX-License-Identifier: ISC */
/* Answers to smtpd, and the domain of a request. */
#include "opensmtpd/filter/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

void
sts_filter_answer(struct sts_filter *f, const struct sts_request *request,
    enum sts_decision decision)
{
	static const char *const results[] = {
	    [STS_PROCEED] = "proceed",
	    [STS_REFUSE_NO_MX] =
		"reject|451 4.7.5 MTA-STS: the policy of the recipient's "
		"domain permits none of its MX hosts",
	    [STS_REFUSE_CERTIFICATE] =
		"reject|451 4.7.5 MTA-STS: no permitted MX host of the "
		"recipient's domain offers TLS with a valid certificate",
	};
	char line[300];
	int len = snprintf(line, sizeof(line), "filter-result|%s|%s|%s\n",
	    request->session, request->token, results[decision]);

	if (len > 0 && (size_t)len < sizeof(line))
		sts_output_add(&f->output, line, (size_t)len);
}

bool
sts_recipient_domain(const char *recipient, char *domain, size_t size)
{
	const char *at = strrchr(recipient, '@');
	size_t len;

	if (at == NULL)
		return false;
	len = strcspn(at + 1, ">");
	return len > 0 &&
	    sts_span_copy((struct sts_span){at + 1, len}, domain, size);
}
