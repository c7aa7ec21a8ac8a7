/* SPDX-License-Identifier: ISC */
#include "fetcher/library.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

enum { LIBCURL_MIN = 0x075500 }; /* 7.85.0 */

/*
 * libcurl may have several TLS libraries; those not in use are in parentheses:
 * "(GnuTLS/3.7.9) OpenSSL/3.0.15".
 */
static bool
uses_openssl(const char *backends)
{
	const char *at = backends;

	while (at != NULL && *at != '\0') {
		if (strncmp(at, "OpenSSL/", 8) == 0)
			return true;
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return false;
}

enum sts_status
sts_library_check(char *detail, size_t size)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	const char *tls =
	    info->ssl_version != NULL ? info->ssl_version : "none";

	if (info->version_num >= LIBCURL_MIN && uses_openssl(info->ssl_version))
		return STS_OK;
	(void)snprintf(detail, size,
	    "libcurl %s with %s cannot be used: 7.85.0 with OpenSSL is needed",
	    info->version, tls);
	return STS_INTERNAL;
}
