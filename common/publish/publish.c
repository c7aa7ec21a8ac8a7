/* SPDX-License-Identifier: ISC */
#include "publish/publish.h"

#include "publish/checks.h"

void
sts_publish_check(
    const struct sts_published *p, sts_publish_found *found, void *arg)
{
	struct sts_checks c = {.p = p, .found = found, .arg = arg};

	c.has_policy = sts_published_policy(p, &c.policy);
	sts_checks_domain(&c); /* a mistyped one has all other problems, too */
	sts_checks_record(&c);
	sts_checks_host(&c);
	sts_checks_policy(&c);
	sts_checks_mx(&c);
	sts_checks_reports(&c);
}
