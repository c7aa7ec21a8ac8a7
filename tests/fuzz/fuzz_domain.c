/* SPDX-License-Identifier: ISC */
/* Any string as a domain name: a pattern and a host, separated by a blank. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/domain.h"
#include "core/policy.h"

static void
check_name(const char *name)
{
	char once[STS_NAME_MAX + 1], twice[STS_NAME_MAX + 1];
	enum sts_status status = sts_domain_normalise(name, once);

	if (status != STS_OK) {
		REQUIRE(once[0] == '\0');
		REQUIRE(status == STS_BAD_DOMAIN || status == STS_BAD_IDN ||
		    status == STS_ADDRESS_LITERAL);
		return;
	}
	REQUIRE(sts_domain_is_normalised(once));
	REQUIRE(once[0] != '-' && once[0] != '.' && strchr(once, '/') == NULL);
	REQUIRE(strcspn(once, " \n\r\t:[]") == strlen(once));
	REQUIRE(sts_domain_normalise(once, twice) == STS_OK);
	REQUIRE(strcmp(once, twice) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *host;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_name(text);
	host = strchr(text, ' ');
	if (host != NULL) {
		*host++ = '\0';
		check_name(host);
		if (sts_mx_match(text, host))
			REQUIRE(sts_pattern_check(text) == STS_OK);
	}
	free(text);
	return 0;
}
