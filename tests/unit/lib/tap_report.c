/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "tests/unit/lib/tap.h"

const char report_of_a_day[] =
    "{'organization-name': 'Company-X', 'date-range': {"
    "'start-datetime': '2016-04-01T00:00:00Z', "
    "'end-datetime': '2016-04-01T23:59:59Z'}, "
    "'contact-info': 'sts@company-x.example', 'report-id': 'r1', "
    "'policies': [{'policy': {'policy-type': 'sts', "
    "'policy-string': ['version: STSv1', 'mode: testing', "
    "'mx: *.mail.example.com', 'max_age: 86400'], "
    "'policy-domain': 'example.com', 'mx-host': ['*.mail.example.com']}, "
    "'summary': {'total-successful-session-count': 5326, "
    "'total-failure-session-count': 303}, "
    "'failure-details': [{'result-type': 'certificate-expired', "
    "'sending-mta-ip': '2001:db8:abcd:0012::1', "
    "'receiving-mx-hostname': 'mx1.mail.example.com', "
    "'failed-session-count': 100}, "
    "{'result-type': 'starttls-not-supported', "
    "'sending-mta-ip': '2001:db8:abcd:0013::1', "
    "'receiving-mx-hostname': 'mx2.mail.example.com', "
    "'receiving-ip': '203.0.113.56', 'failed-session-count': 200, "
    "'additional-information': 'https://reports.company-x.example/i/5065'}, "
    "{'result-type': 'validation-failure', "
    "'sending-mta-ip': '198.51.100.62', 'receiving-ip': '203.0.113.58', "
    "'receiving-mx-hostname': 'mx-backup.mail.example.com', "
    "'receiving-mx-helo': 'mx-backup', 'failed-session-count': 3, "
    "'failure-reason-code': 'X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED'}]}]}";

static char said[8192];

static void
take_fault(void *arg, const char *place, const char *reason)
{
	size_t used = strlen(said);

	(void)arg;
	snprintf(said + used, sizeof(said) - used, "%s%s: %s",
	    used > 0 ? "; " : "", place, reason);
}

char *
json_text(const char *text, const char *from, const char *to)
{
	const char *at = from != NULL ? strstr(text, from) : text;
	size_t before = (size_t)(at - text);
	size_t skipped = from != NULL ? strlen(from) : 0;
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	if (at == NULL || out == NULL) {
		printf("Bail out! no %s in the report\n", from);
		exit(1);
	}
	fprintf(out, "%.*s%s%s", (int)before, text, to != NULL ? to : "",
	    at + skipped);
	fclose(out);
	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

bool
report_parse(struct sts_report *report, const char *json, const char **faults)
{
	size_t len = strlen(json);
	char *copy = guard_copy(json, len);
	bool good;

	said[0] = '\0';
	good = sts_report_parse(report, copy, len, take_fault, NULL);
	guard_free(copy, len);
	*faults = said;
	return good;
}

char *
gzip_bytes(const void *bytes, size_t len, size_t *out_len)
{
	size_t size = len + len / 100 + 1000;
	Bytef *out = malloc(size);
	z_stream stream = {0};

	if (out == NULL ||
	    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9,
		Z_DEFAULT_STRATEGY) != Z_OK) {
		printf("Bail out! zlib\n");
		exit(1);
	}
	stream.next_in = (z_const Bytef *)bytes;
	stream.avail_in = (uInt)len;
	stream.next_out = out;
	stream.avail_out = (uInt)size;
	(void)deflate(&stream, Z_FINISH);
	*out_len = size - stream.avail_out;
	(void)deflateEnd(&stream);
	return (char *)out;
}

char *
base64_text(const void *bytes, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789+/";
	const unsigned char *in = bytes;
	char *out = malloc(len * 2 + 100), *p = out;
	unsigned column = 0;

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)in[i] << 16 |
		    (i + 1 < len ? (unsigned)in[i + 1] << 8 : 0) |
		    (i + 2 < len ? in[i + 2] : 0);

		*p++ = alphabet[bits >> 18];
		*p++ = alphabet[bits >> 12 & 63];
		*p++ = i + 1 < len ? alphabet[bits >> 6 & 63] : '=';
		*p++ = i + 2 < len ? alphabet[bits & 63] : '=';
		if ((column += 4) == 76) {
			*p++ = '\n';
			column = 0;
		}
	}
	*p = '\0';
	return out;
}
