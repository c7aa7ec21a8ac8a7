/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the lines that the resolver prints of a domain that it examines,
 * with values of the domain's own hosts in them: every finding is one that can
 * be printed, and the same facts have the same findings.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/domain.h"
#include "publish/publish.h"

/* Every string that a finding may have is shorter. */
enum { TEXT_MAX = 65536 };

static void
count(void *arg, const struct sts_publish_finding *f)
{
	unsigned *n = arg;

	(*n)++;
	REQUIRE(f->severity == STS_PUBLISH_REMARK ||
	    f->severity == STS_PUBLISH_PROBLEM);
	REQUIRE(f->part < STS_PART_COUNT);
	REQUIRE(f->token[0] != '\0' && f->cause[0] != '\0');
	REQUIRE(strlen(f->subject) < TEXT_MAX && strlen(f->cause) < TEXT_MAX &&
	    strlen(f->fix) < TEXT_MAX);
	for (const char *p = f->token; *p != '\0'; p++)
		REQUIRE((*p >= 'a' && *p <= 'z') || *p == '_');
}

static void
read_lines(struct sts_published *p, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL)
		(void)sts_published_read(p, line);
}

/* What `publish` takes from them. */
static void
take(const struct sts_published *p)
{
	char id[STS_ID_MAX + 1];
	struct sts_policy policy;
	struct sts_rua_list list;

	if (sts_published_id(p, id) == STS_OK)
		REQUIRE(id[0] != '\0' && strlen(id) <= STS_ID_MAX);
	if (sts_published_policy(p, &policy))
		REQUIRE(policy.mode == STS_MODE_NONE || policy.mx_count > 0);
	(void)sts_published_reports(p, &list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sts_published *p = malloc(sizeof(*p));
	char *text = malloc(size + 1);
	unsigned first = 0, second = 0;

	if (p != NULL && text != NULL) {
		if (size > 0)
			memcpy(text, data, size);
		text[size] = '\0';
		sts_published_init(p, "example.com");
		read_lines(p, text);
		sts_publish_check(p, count, &first);
		sts_publish_check(p, count, &second);
		REQUIRE(first == second);
		take(p);
		sts_published_free(p);
	}
	free(text);
	free(p);
	return 0;
}
