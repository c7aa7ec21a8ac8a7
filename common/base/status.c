/* SPDX-License-Identifier: ISC */
#include "base/status.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *token;
	const char *text;
	enum sts_class class;
} table[] = {
#define STS_STATUS_ROW(constant, token, class_, text) \
	[constant] = {token, text, class_},
    STS_STATUS_LIST(STS_STATUS_ROW)
#undef STS_STATUS_ROW
};

static bool
in_range(enum sts_status status)
{
	return (unsigned)status < STS_STATUS_COUNT;
}

const char *
sts_status_name(enum sts_status status)
{
	return table[in_range(status) ? status : STS_INTERNAL].token;
}

const char *
sts_status_text(enum sts_status status)
{
	return table[in_range(status) ? status : STS_INTERNAL].text;
}

enum sts_class
sts_status_class(enum sts_status status)
{
	return table[in_range(status) ? status : STS_INTERNAL].class;
}

bool
sts_status_is_dns_trouble(enum sts_status status)
{
	return sts_status_class(status) == STS_CLASS_DNS ||
	    status == STS_FETCH_DNS;
}

bool
sts_status_is_local(enum sts_status status)
{
	return sts_status_class(status) == STS_CLASS_LOCAL;
}

bool
sts_status_parse(const char *token, enum sts_status *out)
{
	for (unsigned i = 0; i < STS_STATUS_COUNT; i++) {
		if (strcmp(table[i].token, token) == 0) {
			*out = (enum sts_status)i;
			return true;
		}
	}
	return false;
}

enum sts_status
sts_status_from_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return STS_STATE_MISSING;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STS_STATE_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return STS_STATE_UNWRITABLE;
	default:
		return sts_status_shortage_or(error, STS_STATE_UNREADABLE);
	}
}

enum sts_status
sts_status_shortage_or(int error, enum sts_status otherwise)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case EAGAIN:
		return STS_NO_DESCRIPTORS;
	case ENOMEM:
		return STS_NO_MEMORY;
	default:
		return otherwise;
	}
}
