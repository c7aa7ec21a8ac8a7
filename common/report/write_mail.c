/* SPDX-License-Identifier: ISC */
/* The file of a report, RFC 8460 5.1, and the mail that brings it, 5.3. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "core/domain.h"
#include "report/datetime.h"
#include "report/write.h"

enum { ID_MAX = 128, LINE_BYTES = 57 /* of a line of base64 with 76 */ };

/* The letters and digits of an id. */
static void
plain_id(char buf[ID_MAX], const char *id)
{
	size_t used = 0;

	for (; *id != '\0' && used + 1 < ID_MAX; id++)
		if (sts_is_alnum((unsigned char)*id))
			buf[used++] = *id;
	buf[used] = '\0';
}

bool
sts_report_file_name(char buf[STS_REPORT_FILE_MAX], const char *submitter,
    const char *domain, const struct sts_report *report)
{
	char ours[STS_NAME_MAX + 1], theirs[STS_NAME_MAX + 1], id[ID_MAX];

	if (sts_domain_normalise(submitter, ours) != STS_OK ||
	    sts_domain_normalise(domain, theirs) != STS_OK)
		return false;
	plain_id(id, report->id);
	return snprintf(buf, STS_REPORT_FILE_MAX,
		   "%s!%s!%" PRId64 "!%" PRId64 "%s%s.json.gz", ours, theirs,
		   report->begin, report->end, id[0] != '\0' ? "!" : "",
		   id) < STS_REPORT_FILE_MAX;
}

bool
sts_report_is_address(const char *text)
{
	const char *at = strrchr(text, '@');
	char domain[STS_NAME_MAX + 1];

	if (at == NULL || at == text || strlen(text) > STS_REPORT_ADDRESS_MAX ||
	    text[0] == '-')
		return false;
	for (const char *p = text; p < at; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("()<>[]:;,\"\\@", *p))
			return false;
	return sts_domain_normalise(at + 1, domain) == STS_OK;
}

/* The left side of a Message-ID, RFC 5322 3.6.4. */
static bool
is_id(const char *text)
{
	if (text[0] == '\0' || strlen(text) >= ID_MAX)
		return false;
	for (; *text != '\0'; text++)
		if (!sts_is_alnum((unsigned char)*text) &&
		    strchr("+-_=.", *text) == NULL)
			return false;
	return true;
}

/* RFC 5322 3.3, in UTC, whatever the locale. */
static void
write_date(FILE *out, int64_t when)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t day = when / STS_DAY_SECONDS, rest = when % STS_DAY_SECONDS;
	char text[STS_DATE_TEXT];
	struct sts_cursor c;
	int64_t month = 1;

	(void)sts_date_text(text, day); /* "YYYY-MM-DD" */
	c = sts_cursor_make(text + 5, 2);
	(void)sts_cursor_number(&c, 2, &month);
	(void)fprintf(out, "Date: %.3s, %.2s %.3s %.4s %02d:%02d:%02d +0000\n",
	    days + day % 7 * 3, text + 8, months + (month - 1) * 3, text,
	    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

static void
write_base64(FILE *out, const char *bytes, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)bytes;

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)in[i] << 16 |
		    (i + 1 < len ? (unsigned)in[i + 1] << 8 : 0) |
		    (i + 2 < len ? (unsigned)in[i + 2] : 0);

		(void)putc(alphabet[bits >> 18], out);
		(void)putc(alphabet[bits >> 12 & 63], out);
		(void)putc(i + 1 < len ? alphabet[bits >> 6 & 63] : '=', out);
		(void)putc(i + 2 < len ? alphabet[bits & 63] : '=', out);
		if ((i + 3) % LINE_BYTES == 0 || i + 3 >= len)
			(void)putc('\n', out);
	}
}

/* RFC 8460 5.3; TLS-Required is RFC 8689 5. */
static void
write_header(FILE *out, const struct sts_report_mail *about,
    const struct sts_report *report, const char *boundary)
{
	(void)fprintf(out, "From: <%s>\nTo: <%s>\n", about->from, about->to);
	write_date(out, about->date);
	(void)fprintf(out,
	    "Subject: Report Domain: %s\n Submitter: %s\n"
	    " Report-ID: <%s@%s>\n",
	    about->domain, about->submitter, report->id, about->submitter);
	(void)fprintf(
	    out, "Message-ID: <%s@%s>\n", report->id, about->submitter);
	(void)fprintf(out,
	    "TLS-Report-Domain: %s\nTLS-Report-Submitter: %s\n"
	    "TLS-Required: No\nAuto-Submitted: auto-generated\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\n"
	    " boundary=\"%s\"\n\n",
	    about->domain, about->submitter, boundary);
}

static void
write_parts(FILE *out, const struct sts_report_mail *about,
    const struct sts_report *report, const char *boundary,
    const char *file_name)
{
	char day[STS_DATE_TEXT];

	(void)fprintf(out,
	    "--%s\nContent-Type: text/plain; charset=us-ascii\n"
	    "Content-Transfer-Encoding: 7bit\n\n"
	    "This is a TLS report (RFC 8460) of %s\n"
	    "about TLS in SMTP sessions for %s\n"
	    "on %s (UTC).\n\n"
	    "It is sent because _smtp._tls.%s\n"
	    "asks for reports.\n\n",
	    boundary, about->submitter, about->domain,
	    sts_date_text(day, sts_report_day(report)), about->domain);
	(void)fprintf(out,
	    "--%s\nContent-Type: application/tlsrpt+gzip;\n"
	    " name=\"%s\"\nContent-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment;\n filename=\"%s\"\n\n",
	    boundary, file_name, file_name);
}

const char *
sts_report_write_mail(const struct sts_report_mail *about,
    const struct sts_report *report, const char *packed, size_t packed_len,
    char **mail, size_t *len)
{
	char file_name[STS_REPORT_FILE_MAX], id[ID_MAX], boundary[ID_MAX + 16];
	struct sts_report_mail plain = *about;
	char ours[STS_NAME_MAX + 1], theirs[STS_NAME_MAX + 1];
	FILE *out;
	bool failed;

	*mail = NULL;
	*len = 0;
	if (!sts_report_is_address(about->from) ||
	    !sts_report_is_address(about->to))
		return "an address is none that a report can be sent to";
	if (!is_id(report->id))
		return "the report id cannot stand in a field";
	if (!sts_report_file_name(
		file_name, about->submitter, about->domain, report) ||
	    sts_domain_normalise(about->submitter, ours) != STS_OK ||
	    sts_domain_normalise(about->domain, theirs) != STS_OK)
		return "a domain is none";
	plain.submitter = ours;
	plain.domain = theirs;
	plain_id(id, report->id);
	(void)snprintf(boundary, sizeof(boundary), "=_tlsrpt_%s", id);
	if ((out = open_memstream(mail, len)) == NULL)
		return "no memory";
	write_header(out, &plain, report, boundary);
	write_parts(out, &plain, report, boundary, file_name);
	write_base64(out, packed, packed_len);
	(void)fprintf(out, "\n--%s--\n", boundary);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(*mail);
		*mail = NULL;
		return "no memory";
	}
	return NULL;
}
