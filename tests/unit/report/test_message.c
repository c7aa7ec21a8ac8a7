/* SPDX-License-Identifier: ISC */
/*
 * Reports as they lie in a mailbox: attachments of every kind that senders
 * make, and mails that are no report or try to be too much.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/gzip.h"
#include "report/message.h"
#include "report/report.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_report.h"

enum { TOLD_MAX = 4096 };

/* What a message had: "r1" for each report by its id, "!REASON" for a fault. */
static char told[TOLD_MAX];

static void
tell(const char *before, const char *text)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof(told) - used, "%s%s%s",
	    used > 0 ? " " : "", before, text);
}

static void
take_fault(void *arg, const char *place, const char *reason)
{
	(void)arg;
	(void)reason;
	tell("?", place);
}

static void
on_json(void *arg, const char *json, size_t len)
{
	struct sts_report report;
	char *copy = guard_copy(json, len);

	if (sts_report_parse(&report, copy, len, take_fault, arg))
		tell("", report.id);
	sts_report_free(&report);
	guard_free(copy, len);
}

static void
on_fault(void *arg, const char *reason)
{
	(void)arg;
	tell("!", reason);
}

static void
has_bytes(const char *bytes, size_t len, const char *expected, const char *what)
{
	const struct sts_message_sink sink = {on_json, on_fault, NULL};
	char *copy = guard_copy(bytes, len);
	const char *none;

	told[0] = '\0';
	none = sts_message_read(copy, len, &sink);
	if (none != NULL)
		tell("-", none);
	is_str(told, expected, "%s", what);
	guard_free(copy, len);
}

static char *json, *packed, *encoded; /* the report of a day */
static size_t packed_len;

/*
 * A message from a template, in which "~j" is the report, "~b" the same
 * compressed and in base64, "~p" in base64 only, and "\n" is a line break.
 */
static char *
fill(const char *template, size_t *len)
{
	char *text = NULL, *plain = base64_text(json, strlen(json));
	FILE *out = open_memstream(&text, len);

	for (const char *p = template; *p != '\0'; p++) {
		if (*p != '~')
			fputc(*p, out);
		else if (*++p == 'b')
			fputs(encoded, out);
		else if (*p == 'p')
			fputs(plain, out);
		else
			fputs(json, out);
	}
	fclose(out);
	free(plain);
	return text;
}

/* With LF, and with CR LF. */
static void
has(const char *template, const char *expected, const char *what)
{
	size_t len, used = 0;
	char *text = fill(template, &len);
	char *crlf = malloc(len * 2 + 1);

	has_bytes(text, len, expected, what);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			crlf[used++] = '\r';
		crlf[used++] = text[i];
	}
	told[0] = '\0';
	has_bytes(crlf, used, expected, "the same with CR LF");
	free(crlf);
	free(text);
}

#define HEAD                                                               \
	"From: noreply@company-x.example\nTo: tls@example.com\n"           \
	"Subject: Report Domain: example.com Submitter: company-x.example" \
	"\n Report-ID: <r1@company-x.example>\nMIME-Version: 1.0\n"
#define TEXT "--b\nContent-Type: text/plain\n\nThis is a report.\n\n"
#define GZIP                                                    \
	"--b\nContent-Type: application/tlsrpt+gzip\n"          \
	"Content-Transfer-Encoding: base64\n"                   \
	"Content-Disposition: attachment;\n"                    \
	" filename=\"company-x.example!example.com!1459468800!" \
	"1459555199!r1.json.gz\"\n\n~b\n"

static void
test_bytes(void)
{
	char *two = malloc(packed_len * 2), *bomb, *zeros;
	size_t len;

	has("~j", "r1", "JSON");
	has(" \n\n~j\n", "r1", "JSON with blanks around it");
	has_bytes(packed, packed_len, "r1", "gzip");
	memcpy(two, packed, packed_len);
	memcpy(two + packed_len, "\0\0\0\0\0\0", 6);
	has_bytes(two, packed_len + 6, "r1", "gzip with zeros behind it");
	has_bytes(packed, packed_len - 1, "!its compressed data end too early",
	    "a byte is missing");
	has_bytes(packed, 2, "!its compressed data end too early", "two bytes");
	two[packed_len / 2] ^= 0x55;
	has_bytes(two, packed_len, "!its compressed data are damaged",
	    "a byte is changed");
	memcpy(two, packed, packed_len);
	memcpy(two + packed_len, packed, packed_len);
	has_bytes(two, packed_len * 2, "?line 1, column 1231",
	    "two members are one text, RFC 1952 2.2");
	zeros = calloc(1, 300u << 20);
	bomb = gzip_bytes(zeros, 300u << 20, &len);
	ok(len < 400000, "300 MiB in %zu bytes", len);
	has_bytes(bomb, len, "!is too large when it is unpacked", "a bomb");
	has_bytes("", 0, "-is empty", "nothing");
	has_bytes("\0\0\0", 3, "-is neither a report nor a mail", "zeros");
	has_bytes("hello\n", 6, "-is neither a report nor a mail", "a line");
	free(zeros);
	free(bomb);
	free(two);
}

static void
test_gzip_bounds(void)
{
	char *zeros = calloc(1, 100001), *in, *out;
	size_t len, out_len;

	in = gzip_bytes(zeros, 100000, &len);
	ok(sts_gzip_unpack(in, len, 100000, &out, &out_len) == NULL &&
		out_len == 100000,
	    "as many bytes as are allowed");
	free(out);
	ok(sts_gzip_unpack(in, len, 99999, &out, &out_len) != NULL &&
		out == NULL,
	    "one more");
	free(in);
	in = gzip_bytes("", 0, &len);
	ok(sts_gzip_unpack(in, len, 0, &out, &out_len) == NULL && out_len == 0,
	    "no byte where none is allowed");
	free(out);
	free(in);
	free(zeros);
}

static void
test_multiparts(void)
{
	has(HEAD "Content-Type: multipart/report; report-type=\"tlsrpt\";\n"
		 "\tboundary=\"b\"\n\n" TEXT GZIP "--b--\n",
	    "r1", "multipart/report, RFC 8460 5.3");
	has(HEAD "Content-Type: multipart/report; report-type=tlsrpt; "
		 "boundary=b\n\n" TEXT GZIP "--b--\n",
	    "r1", "report-type without quotes");
	has(HEAD "content-type:MULTIPART/MIXED;BOUNDARY=b\n\n" TEXT GZIP
		 "--b--\n",
	    "r1", "multipart/mixed, names in any case");
	has(HEAD "Content-Type: multipart/related; boundary=b\n\n" TEXT GZIP
		 "--b--\n",
	    "-is a mail without a report: reports are in multipart/report",
	    "multipart/related");
	has(HEAD "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
		 "Content-Type: multipart/report; boundary=b\n\n" TEXT GZIP
		 "--b--\n\n--a\nContent-Type: text/plain\n\n-- \nlist "
		 "footer\n--a--\n",
	    "r1", "in a mailing list's multipart/mixed");
	has(HEAD "Content-Type: multipart/mixed; boundary=b\n\n" GZIP GZIP
		 "--b--\n",
	    "r1 r1", "two reports in one mail");
	has(HEAD "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
		 "Content-Type: message/rfc822\n\n" HEAD
		 "Content-Type: multipart/report; boundary=b\n\n" GZIP
		 "--b--\n\n--a--\n",
	    "r1", "a mail that was forwarded as an attachment");
	has(HEAD "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
		 "Content-Type: message/rfc822\n"
		 "Content-Transfer-Encoding: x-other\n\n" HEAD
		 "Content-Type: multipart/report; boundary=b\n\n" GZIP
		 "--b--\n\n--a--\n",
	    "!its transfer encoding is not known",
	    "one in an encoding that is not known");
	has("From x@y Sat Nov 28 15:00:00 2026\n" HEAD
	    "Content-Type: multipart/report; boundary=b\n\n" GZIP "--b--\n",
	    "r1", "with the first line of an mbox");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n" TEXT
		 "--b\nContent-Type: application/tlsrpt+json\n\n~j\n--b--\n",
	    "r1", "application/tlsrpt+json as it is");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n--b\n"
		 "Content-Type: application/tlsrpt+json\n"
		 "Content-Transfer-Encoding: base64\n\n~p\n--b--\n",
	    "r1", "and in base64");
}

static void
test_boundaries(void)
{
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n" TEXT GZIP,
	    "r1", "the last boundary is missing");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n" TEXT GZIP
		 "--b--",
	    "r1", "nothing behind the last boundary");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n" TEXT GZIP
		 "--b-- \t\nepilogue\n" GZIP,
	    "r1", "blanks behind a boundary; the epilogue is no part");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n--bb\n"
		 "--b2\n-- b\n--\nx--b\n" GZIP "--b--\n",
	    "r1", "lines that are nearly a boundary");
	has(HEAD "Content-Type: multipart/report; boundary=\"=_b'()+?; \\\"\""
		 "\n\n--=_b'()+?; \"\nContent-Type: application/tlsrpt+json"
		 "\n\n~j\n--=_b'()+?; \"--\n",
	    "r1", "a boundary with all that quotes allow");
	has(HEAD "Content-Type: multipart/report; boundary=--=b=1\n\n"
		 "----=b=1\nContent-Type: application/tlsrpt+json\n\n~j\n"
		 "----=b=1--\n",
	    "r1", "an unquoted boundary with \"=\"");
	has(HEAD "Content-Type: multipart/report; (a comment; boundary=c)\n"
		 " boundary (another) = b\n\n" GZIP "--b--\n",
	    "r1", "comments");
	has(HEAD "Content-Type: multipart/report\n\n" TEXT GZIP "--b--\n",
	    "-is a mail without a report", "no boundary");
	has(HEAD "Content-Type: multipart/report; boundary=\"\"\n\n" GZIP,
	    "-is a mail without a report", "an empty boundary");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n",
	    "-is a mail without a report", "no body");
	has(HEAD "Content-Type: multipart/report; boundary=b",
	    "-is a mail without a report", "no end of the header");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n--b--\n" GZIP,
	    "-is a mail without a report", "the end at the beginning");
	has(HEAD "Content-Type: multipart/report; boundary=b\n\n--b\n"
		 "Content-Type: application/tlsrpt+json\n\n~j\n--b\n",
	    "r1", "an empty part at the end");
}

static void
test_single_parts(void)
{
	has(HEAD "Content-Type: application/tlsrpt+json\n\n~j\n", "r1",
	    "a mail that is a report, REP-058");
	has(HEAD "Content-Type: application/tlsrpt+gzip\n"
		 "Content-Transfer-Encoding: BASE64\n\n~b\n",
	    "r1", "and compressed");
	has(HEAD "Content-Type: application/tlsrpt+gzip\n"
		 "Content-Transfer-Encoding: x-uuencode\n\n~b\n",
	    "!its transfer encoding is not known", "another encoding");
	has(HEAD "Content-Type: application/tlsrpt+json\n"
		 "Content-Transfer-Encoding: base64\n\n*** ~p ***\n==\n",
	    "r1", "bytes that are not base64's are skipped, RFC 2045 6.8");
	has(HEAD "Content-Type: application/tlsrpt+json\n\nx\n",
	    "?line 1, column 1", "what is no JSON is a report that is bad");
	has(HEAD "Content-Type: application/tlsrpt+json\n\n",
	    "?line 1, column 0", "and so is an empty one");
	has(HEAD "\nHello.\n", "-is a mail without a report", "no type");
	has(HEAD "Content-Type: text/html\n\n<p>\n",
	    "-is a mail without a report", "text/html");
	has(HEAD "Content-Type: ;;\n\n", "-is a mail without a report",
	    "an empty type");
}

/* A part of this type and name is a report. */
static void
names_report(const char *fields, bool expected)
{
	char template[2000];

	snprintf(template, sizeof(template),
	    HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\n%s\n"
		 "Content-Transfer-Encoding: base64\n\n~b\n--b--\n",
	    fields);
	has(template, expected ? "r1" : "-is a mail without a report", fields);
}

static void
test_types_and_names(void)
{
	names_report("Content-Type: application/tlsrpt+gzip; name=x", true);
	names_report("Content-Type: Application/TLSRPT+GZIP", true);
	names_report("Content-Type: application/gzip", true);
	names_report("Content-Type: application/x-gzip", true);
	names_report("Content-Type: application/json", true);
	names_report("Content-Type: application/octet-stream", false);
	names_report("Content-Type: application/gzip; name=\"a!b!1!2.xml.gz\"",
	    false); /* DMARC */
	names_report("Content-Type: application/gzip\nContent-Disposition: "
		     "attachment; filename=\"backup.tar.gz\"",
	    false);
	names_report("Content-Type: application/octet-stream; "
		     "name=\"a!b!1!2!x.json.gz\"",
	    true);
	names_report("Content-Type: application/octet-stream\n"
		     "Content-Disposition: attachment; filename=a.JSON.GZ",
	    true);
	names_report("Content-Disposition: attachment; filename=a.json", true);
	names_report("Content-Type: application/octet-stream; name=\"=?x?=\"\n"
		     "Content-Disposition: attachment; filename=\"a.json.gz\"",
	    true);
	names_report("Content-Type: application/octet-stream\n"
		     "Content-Disposition: attachment;\n"
		     " filename*0=\"company-x.example!example.com!145\";\n"
		     " filename*1=\"9468800!1459555199!r1.json\";\n"
		     " filename*2=.gz",
	    true);
	names_report("Content-Type: application/octet-stream\n"
		     "Content-Disposition: attachment;\n"
		     " filename*=UTF-8''a%21b.json.gz",
	    true);
	names_report("Content-Type: application/zip; name=a.json.zip", false);
}

static void
test_quoted_printable(void)
{
	size_t len = strlen(json), column = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	fputs(HEAD "Content-Type: application/tlsrpt+json\n"
		   "Content-Transfer-Encoding: quoted-printable\n\n",
	    out);
	for (const char *p = json; *p != '\0'; p++) {
		if (*p == ':' || *p == 'e')
			fprintf(out, *p == ':' ? "=%02X" : "=%02x", *p);
		else
			fputc(*p, out);
		if (++column % 40 == 0)
			fputs(column % 80 == 0 ? "= \t\n" : "=\n", out);
	}
	fclose(out);
	has(text, "r1", "quoted-printable with soft line breaks");
	free(text);
	has(HEAD "Content-Type: application/tlsrpt+json\n"
		 "Content-Transfer-Encoding: quoted-printable\n\n{=zz=",
	    "?line 1, column 2", "escapes that are none");
}

static void
test_nesting(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(HEAD, out);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(out,
		    "Content-Type: multipart/mixed; boundary=b%u\n\n"
		    "--b%u\n",
		    i, i);
	fclose(out);
	has_bytes(text, len, "!has too many multiparts in each other",
	    "a thousand multiparts in each other");
	free(text);
	out = open_memstream(&text, &len);
	fputs(HEAD "Content-Type: multipart/mixed; boundary=b\n\n", out);
	for (unsigned i = 0; i < 100000; i++)
		fputs("--b\n\n", out);
	fclose(out);
	has_bytes(text, len, "!has too many parts", "100000 parts");
	free(text);
}

/* A field of a megabyte, and one that is folded into a hundred thousand. */
static void
test_long_fields(void)
{
	size_t len = 1u << 20;
	char *text = malloc(len * 2 + 2000);
	size_t used = (size_t)sprintf(text, HEAD "Content-Type: ");

	memset(text + used, 'a', len);
	strcpy(text + used + len, "\n\n");
	has(text, "-is a mail without a report", "a type of a megabyte");
	used = (size_t)sprintf(text, HEAD "Content-Type: multipart/report;");
	for (unsigned i = 0; i < 100000; i++)
		used += (size_t)sprintf(text + used, "\n x=y;");
	strcpy(text + used, "\n boundary=b\n\n--b\n");
	has(text, "-is a mail without a report",
	    "a parameter beyond the bytes that are looked at");
	free(text);
}

int
main(void)
{
	json = json_text(report_of_a_day, NULL, NULL);
	packed = gzip_bytes(json, strlen(json), &packed_len);
	encoded = base64_text(packed, packed_len);
	test_bytes();
	test_gzip_bounds();
	test_multiparts();
	test_boundaries();
	test_single_parts();
	test_types_and_names();
	test_quoted_printable();
	test_nesting();
	test_long_fields();
	free(json);
	free(packed);
	free(encoded);
	return tap_done();
}
