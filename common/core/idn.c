/* SPDX-License-Identifier: ISC */
#include "core/idn.h"

#include <idn2.h>
#include <string.h>

enum {
	/*
	 * Bytes of UTF-8 that are passed to libidn2.  Any name that becomes 253
	 * bytes of A-labels is shorter, unless padded with code points that UTS
	 * #46 ignores.
	 */
	UNICODE_MAX = 1024
};

enum sts_status
sts_idn_to_ascii(const char *name, char *out, size_t size)
{
	enum sts_status status = STS_BAD_IDN;
	char *ascii = NULL;
	int error;

	if (strlen(name) > UNICODE_MAX)
		return status;
	error = idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL);
	/* A fault of this machine says nothing about the name. */
	if (error == IDN2_MALLOC)
		return STS_NO_MEMORY;
	if (error == IDN2_OK && strlen(ascii) < size) {
		memcpy(out, ascii, strlen(ascii) + 1);
		status = STS_OK;
	}
	idn2_free(ascii);
	return status;
}
