/* SPDX-License-Identifier: ISC */
#include "fetcher/certificate.h"

#include <string.h>

#include <openssl/x509v3.h>

/* Appends a name behind a comma, whole or not at all. */
static void
append(char buf[STS_CERTIFICATE_TEXT], const unsigned char *name, size_t len)
{
	size_t used = strlen(buf), comma = used > 0;

	if (used + comma + len >= STS_CERTIFICATE_TEXT)
		return;
	if (comma)
		buf[used++] = ',';
	for (size_t i = 0; i < len; i++)
		buf[used++] =
		    (char)(name[i] < ' ' || name[i] == 0x7f ? '?' : name[i]);
	buf[used] = '\0';
}

static void
append_string(char buf[STS_CERTIFICATE_TEXT], const ASN1_STRING *string)
{
	int len = ASN1_STRING_length(string);

	if (len > 0)
		append(buf, ASN1_STRING_get0_data(string), (size_t)len);
}

static void
read_common_name(struct sts_certificate *seen, X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const X509_NAME_ENTRY *entry =
	    at >= 0 ? X509_NAME_get_entry(subject, at) : NULL;

	if (entry != NULL)
		append_string(
		    seen->common_name, X509_NAME_ENTRY_get_data(entry));
}

void
sts_certificate_read(struct sts_certificate *seen, X509 *certificate)
{
	GENERAL_NAMES *names;

	*seen = (struct sts_certificate){.names = ""};
	if (certificate == NULL)
		return;
	read_common_name(seen, certificate);
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			append_string(seen->names, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
}
