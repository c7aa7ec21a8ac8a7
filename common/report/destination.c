/* SPDX-License-Identifier: ISC */
#include "report/destination.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "core/domain.h"
#include "core/record.h"

#define MAILTO "mailto:"
#define HTTPS  "https://"

static int
hex_digit(int byte)
{
	if (sts_is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Percent-decodes (RFC 3986 2.1) in place; false for a NUL. */
static bool
decode(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++) {
		int high, low;

		if (*text == '%' && (high = hex_digit(text[1])) >= 0 &&
		    (low = hex_digit(text[2])) >= 0) {
			if (high == 0 && low == 0)
				return false;
			*out++ = (char)(high << 4 | low);
			text += 2;
		} else
			*out++ = *text;
	}
	*out = '\0';
	return true;
}

/* RFC 6068: the address ends before header fields, which do not count. */
static bool
read_mailto(struct sts_span uri, char out[STS_DESTINATION_BYTES])
{
	char text[STS_DESTINATION_BYTES], domain[STS_NAME_MAX + 1];
	char *address = text + sizeof(MAILTO) - 1, *at;

	if (!sts_span_copy(uri, text, sizeof(text)))
		return false;
	address[strcspn(address, "?#")] = '\0';
	if (!decode(address) || !sts_report_is_address(address))
		return false;
	at = strrchr(address, '@');
	if (sts_domain_normalise(at + 1, domain) != STS_OK)
		return false;
	return snprintf(out, STS_DESTINATION_BYTES, MAILTO "%.*s@%s",
		   (int)(at - address), address,
		   domain) < STS_DESTINATION_BYTES;
}

/* Scheme and host in lower case, so that each is there once. */
static bool
read_https(struct sts_span uri, char out[STS_DESTINATION_BYTES])
{
	if (!sts_span_copy(uri, out, STS_DESTINATION_BYTES) ||
	    strncasecmp(out, HTTPS, sizeof(HTTPS) - 1) != 0)
		return false;
	out[strcspn(out, "#")] = '\0';
	for (size_t i = 0, slashes = 0; out[i] != '\0' && slashes < 3; i++) {
		slashes += out[i] == '/';
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] | 0x20);
	}
	return true;
}

static bool
has(const struct sts_report_job *job, const char *uri)
{
	for (size_t i = 0; i < job->count; i++)
		if (strcmp(job->to[i].uri, uri) == 0)
			return true;
	return false;
}

static bool
begins_with_mailto(struct sts_span uri)
{
	return uri.len >= sizeof(MAILTO) - 1 &&
	    strncasecmp(uri.p, MAILTO, sizeof(MAILTO) - 1) == 0;
}

size_t
sts_destinations_read(const char *record, struct sts_report_job *job)
{
	struct sts_span span = {record, strlen(record)};
	struct sts_rua_list list;
	char uri[STS_DESTINATION_BYTES];

	job->count = 0;
	if (span.len == 0 || sts_record_tlsrpt(&span, 1, &list) != STS_OK)
		return 0;
	for (size_t i = 0; i < list.count; i++) {
		bool good = begins_with_mailto(list.uri[i])
		    ? read_mailto(list.uri[i], uri)
		    : read_https(list.uri[i], uri);

		if (!good || has(job, uri))
			continue;
		if (job->count == STS_DESTINATIONS_MAX)
			break;
		memset(&job->to[job->count], 0, sizeof(job->to[0]));
		sts_copy_head(
		    job->to[job->count++].uri, uri, STS_DESTINATION_BYTES);
	}
	return job->count;
}

const char *
sts_destination_address(const char *uri)
{
	return strncmp(uri, MAILTO, sizeof(MAILTO) - 1) == 0
	    ? uri + sizeof(MAILTO) - 1
	    : NULL;
}
