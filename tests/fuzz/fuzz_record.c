/* SPDX-License-Identifier: ISC */
/* Any bytes as TXT record sets: records are separated by line feeds. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/record.h"

enum { SET_MAX = 8 };

static void
check_sts(const struct sts_span *set, size_t count)
{
	char id[STS_ID_MAX + 1];
	enum sts_status status = sts_record_sts(set, count, id);
	size_t len = strlen(id);

	REQUIRE(
	    status == STS_OK || sts_status_class(status) == STS_CLASS_RECORD);
	REQUIRE((status == STS_OK) == (len > 0));
	for (size_t i = 0; i < len; i++)
		REQUIRE(sts_is_alnum((unsigned char)id[i]));
}

static void
check_tlsrpt(const struct sts_span *set, size_t count)
{
	struct sts_rua_list list;
	enum sts_status status = sts_record_tlsrpt(set, count, &list);

	REQUIRE(
	    status == STS_OK || sts_status_class(status) == STS_CLASS_RECORD);
	REQUIRE((status == STS_OK) == (list.count > 0));
	REQUIRE(list.count <= STS_RUA_MAX);
	for (size_t i = 0; i < list.count; i++) {
		/* The shortest are "mailto:a@b" and "https://a". */
		REQUIRE(list.uri[i].len >= 9);
		REQUIRE(memchr(list.uri[i].p, ',', list.uri[i].len) == NULL);
		REQUIRE(memchr(list.uri[i].p, '!', list.uri[i].len) == NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_cursor c = sts_cursor_make(data, size);
	struct sts_span set[SET_MAX];
	size_t count = 0;

	while (count < SET_MAX && sts_cursor_until(&c, '\n', &set[count]))
		count++;
	check_sts(set, count);
	check_tlsrpt(set, count);
	return 0;
}
