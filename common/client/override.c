/* SPDX-License-Identifier: ISC */
#include "client/override.h"

#include <stdio.h>
#include <string.h>

#include "base/readfile.h"
#include "base/safe_path.h"

enum sts_status
sts_override_read(const struct sts_override *override, const char *domain,
    int64_t now, struct sts_entry *entry)
{
	enum sts_status status;

	memset(entry, 0, sizeof(*entry));
	if (!sts_path_is_safe(override->file, NULL))
		return STS_UNSAFE_FILE;
	/* One reason for any fault of the operator's file. */
	status = sts_readfile(override->file, false, STS_BODY_MAX, &entry->body,
	    &entry->body_len);
	if (status == STS_NO_MEMORY || status == STS_NO_DESCRIPTORS)
		return status;
	if (status != STS_OK)
		return STS_CONFIG;
	if (sts_policy_parse(&entry->policy, entry->body, entry->body_len, NULL,
		NULL) != STS_OK) {
		sts_entry_free(entry);
		return STS_CONFIG;
	}
	snprintf(entry->domain, sizeof(entry->domain), "%s", domain);
	entry->fetched = now;
	/* Read again for each query, so it never expires. */
	entry->expires = now + STS_MAX_AGE_LIMIT;
	return STS_OK;
}
