/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts cache export` and `cache import`: what one of several senders has
 * fetched protects all.  Nothing of an input is printed, since whoever names
 * the file may not be the one who may read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "store/import.h"
#include "tool/exchange.h"
#include "tool/tool.h"

enum {
	NAMED_MAX = 100, /* lines that are named; all are counted */
	DAY = 86400
};

static bool
collect(void *arg, const char *domain)
{
	struct sts_names *names = arg;

	return sts_names_add(names, domain);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What protects nothing is left out: expired, or of mode none. */
static int
export_one(struct sts_tool *tool, struct sts_store *store, const char *domain)
{
	struct sts_entry entry;
	enum sts_status status =
	    sts_store_read_policy(store, domain, tool->now, &entry);

	if (status == STS_NOT_FOUND)
		return STS_EXIT_OK;
	if (status != STS_OK) {
		(void)sts_tool_outside(
		    tool, "%s: %s; left out", domain, sts_status_text(status));
		return STS_EXIT_NO;
	}
	if (sts_entry_is_live(&entry, tool->now) &&
	    entry.policy.mode != STS_MODE_NONE)
		sts_exchange_print(tool->out, &entry);
	sts_entry_free(&entry);
	return STS_EXIT_OK;
}

int
sts_tool_cache_export(struct sts_tool *tool)
{
	struct sts_names names = {0};
	struct sts_store *store;
	enum sts_status status;
	int code = sts_tool_open_store(tool, false, &store);

	if (code != STS_EXIT_OK)
		return code;
	status = sts_store_walk(store, STS_KIND_POLICY, collect, &names);
	if (names.failed)
		status = STS_NO_MEMORY;
	if (status != STS_OK) {
		code = sts_tool_outside(tool, "%s", sts_status_text(status));
	} else if (names.count > 0) {
		qsort(names.name, names.count, sizeof(*names.name), by_name);
	}
	if (status == STS_OK)
		(void)fputs(STS_EXCHANGE_TITLE "\n", tool->out);
	for (size_t i = 0; status == STS_OK && i < names.count; i++)
		if (export_one(tool, store, names.name[i]) != STS_EXIT_OK)
			code = STS_EXIT_NO;
	sts_names_free(&names);
	sts_store_close(store);
	return code;
}

struct import {
	struct sts_tool *tool;
	struct sts_importer importer;
	FILE *in;
	const char *name; /* of the input, for messages */
	uint64_t line;
	uint64_t count[STS_IMPORTS], bad;
	enum sts_status status; /* a local fault ends it */
	bool overlong;          /* the rest of the line is dropped */
	size_t len;
	char buf[STS_EXCHANGE_LINE_MAX + 1];
};

static void
refuse(struct import *im, const char *why)
{
	if (++im->bad <= NAMED_MAX)
		(void)fprintf(im->tool->err, "%s:%llu: %s; skipped\n", im->name,
		    (unsigned long long)im->line, why);
}

static void
take_line(struct import *im, struct sts_span line)
{
	enum sts_import what;
	struct sts_entry entry;
	const char *why = sts_exchange_parse(line, &entry);

	if (why != NULL) {
		refuse(im, why);
		return;
	}
	if (entry.body == NULL)
		return;
	im->status = sts_import_policy(&im->importer, &entry, &what);
	if (im->status == STS_OK)
		im->count[what]++;
	if (im->status == STS_OK && what == STS_IMPORT_DAMAGED)
		(void)sts_tool_outside(im->tool,
		    "%s: the policy here is damaged and stays; mta-sts cache "
		    "drop %s, then import again",
		    entry.domain, entry.domain);
	sts_entry_free(&entry);
}

/* The whole lines of what was read; the rest moves to the front. */
static void
take_lines(struct import *im)
{
	const char *p = im->buf, *end = im->buf + im->len, *feed;

	while (im->status == STS_OK &&
	    (feed = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		im->line++;
		if (im->overlong)
			refuse(im, "too long");
		else
			take_line(im, (struct sts_span){p, (size_t)(feed - p)});
		im->overlong = false;
		p = feed + 1;
	}
	im->len = (size_t)(end - p);
	im->overlong = im->overlong || im->len == sizeof(im->buf);
	if (im->overlong)
		im->len = 0;
	memmove(im->buf, p, im->len);
}

static void
read_all(struct import *im)
{
	size_t n;

	while (im->status == STS_OK &&
	    (n = fread(im->buf + im->len, 1, sizeof(im->buf) - im->len,
		 im->in)) > 0) {
		im->len += n;
		take_lines(im);
	}
	im->line++;
	if (im->status == STS_OK && (im->len > 0 || im->overlong))
		refuse(im, "it has no end, so the input was cut");
}

static int
summary(struct import *im)
{
	struct sts_tool *tool = im->tool;
	const uint64_t *n = im->count;

	if (im->bad > NAMED_MAX)
		(void)fprintf(tool->err, "%s: %llu lines skipped in all\n",
		    im->name, (unsigned long long)im->bad);
	(void)fprintf(tool->out,
	    "taken %llu, not newer %llu, weaker %llu, expired %llu, "
	    "no room %llu, ill-formed %llu\n",
	    (unsigned long long)n[STS_IMPORT_TAKEN],
	    (unsigned long long)n[STS_IMPORT_NOT_NEWER],
	    (unsigned long long)n[STS_IMPORT_WEAKER],
	    (unsigned long long)n[STS_IMPORT_EXPIRED],
	    (unsigned long long)n[STS_IMPORT_NO_ROOM],
	    (unsigned long long)im->bad);
	if (im->status != STS_OK)
		return sts_tool_outside(
		    tool, "%s", sts_status_text(im->status));
	if (ferror(im->in))
		return sts_tool_outside(
		    tool, "%s: %s", im->name, strerror(errno));
	return im->bad + n[STS_IMPORT_NO_ROOM] + n[STS_IMPORT_DAMAGED] > 0
	    ? STS_EXIT_NO
	    : STS_EXIT_OK;
}

/* With a clock that is behind, an old policy would be in force for longer. */
static bool
has_clock(struct sts_tool *tool, struct sts_store *store)
{
	int64_t newest = 0;

	(void)sts_store_read_newest(store, &newest);
	return tool->now >= (int64_t)STS_BUILD_DATE &&
	    tool->now >= newest - DAY;
}

static int
run_import(struct sts_tool *tool, FILE *in, const char *name)
{
	struct import *im;
	struct sts_store *store;
	int code = sts_tool_open_store(tool, true, &store);

	if (code != STS_EXIT_OK)
		return code;
	im = calloc(1, sizeof(*im));
	if (im == NULL) {
		code = sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	} else if (!has_clock(tool, store)) {
		code = sts_tool_outside(tool, "%s", sts_status_text(STS_CLOCK));
	} else {
		im->tool = tool;
		im->importer.store = store;
		im->importer.now = tool->now;
		im->importer.max = tool->config.policies_max;
		im->in = in;
		im->name = name;
		read_all(im);
		code = summary(im);
	}
	free(im);
	sts_store_close(store);
	return code;
}

/* Opened before root is left: the operator named it.  Read afterwards. */
int
sts_tool_cache_import(struct sts_tool *tool)
{
	const char *name = tool->operand_count > 0 ? tool->operand[0] : "-";
	FILE *in = stdin;
	int code;

	if (strcmp(name, "-") != 0 && (in = fopen(name, "re")) == NULL)
		return sts_tool_outside(tool, "%s: %s", name, strerror(errno));
	code = run_import(tool, in, name);
	if (in != stdin)
		(void)fclose(in);
	return code;
}
