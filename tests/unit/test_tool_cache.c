/* SPDX-License-Identifier: ISC */
/* `mta-sts cache`: the lines of the list, and what a refresh reports. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/unit/tap.h"
#include "tool/cache.h"
#include "tool/refresh.h"

static const int64_t now = 1800000000;
static const struct sts_config config = {.recheck = 300,
    .refresh_after = 86400};

static char body[] =
    "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 604800\n";

static struct sts_entry
fresh_entry(void)
{
	struct sts_entry e = {.domain = "example.com", .id = "1"};

	e.fetched = now - 3600;
	e.checked = now - 60;
	e.next_check = now + 240;
	e.expires = now + 601200;
	e.body = body;
	e.body_len = strlen(body);
	(void)sts_policy_parse(&e.policy, body, strlen(body), NULL, NULL);
	return e;
}

static char *
line_of(const struct sts_cache_line *line)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sts_cache_print_line(out, line, now);
	fclose(out);
	return text;
}

static void
a_policy(void)
{
	struct sts_entry e = fresh_entry();
	struct sts_cache_line line;
	char *text;

	sts_cache_policy_line(&line, &e, &config, now);
	text = line_of(&line);
	is_str(text,
	    "example.com                      policy testing 1"
	    "                       60m     6d fresh\n",
	    "domain, kind, mode, id, age, time left, state");
	free(text);
	e.checked = now - 301;
	e.next_check = now - 1;
	sts_cache_policy_line(&line, &e, &config, now);
	is_str(line.state, "stale", "to be asked about again");
	e.expires = now - 1;
	sts_cache_policy_line(&line, &e, &config, now);
	is_str(line.state, "expired", "expired");
}

static void
a_failing_policy(void)
{
	struct sts_entry e = fresh_entry();
	struct sts_cache_line line;
	char *text;

	strcpy(e.failed_id, "2");
	e.failed_reason = STS_FETCH_CONNECT;
	e.failed_at = now - 60;
	sts_cache_policy_line(&line, &e, &config, now);
	is_str(line.state, "failed", "the last fetch failed");
	ok(!line.marked, "a minute ago: not marked");
	e.failed_at = now - 86401;
	sts_cache_policy_line(&line, &e, &config, now);
	ok(line.marked, "for longer than a day: marked");
	text = line_of(&line);
	ok(strstr(text, "failed fetch_connect !\n") != NULL,
	    "with its reason and the mark");
	free(text);
	e.failed_at = now - 60;
	e.fetched = now - 2 * 86400 - 1;
	sts_cache_policy_line(&line, &e, &config, now);
	ok(line.marked, "tried again and again for longer than a day: marked");
}

static void
an_absence(void)
{
	struct sts_absence a = {.domain = "example.org",
	    .recorded = now - 10,
	    .until = now + 3590,
	    .reason = STS_NO_RECORD};
	struct sts_cache_line line;
	char *text;

	sts_cache_absence_line(&line, &a, now);
	text = line_of(&line);
	is_str(text,
	    "example.org                      absent -       -"
	    "                       10s    59m fresh no_record\n",
	    "an absence and why");
	free(text);
	strcpy(a.id, "7");
	a.reason = STS_FETCH_STATUS;
	sts_cache_absence_line(&line, &a, now);
	is_str(line.state, "failed", "a failed fetch without a policy");
	a.until = now - 1;
	sts_cache_absence_line(&line, &a, now);
	is_str(line.state, "expired", "no longer valid");
}

static void
a_corrupt_entry(void)
{
	struct sts_cache_line line;
	char *text;

	sts_cache_fault_line(&line, STS_ENTRY_CORRUPT);
	line.domain = "example.net";
	text = line_of(&line);
	ok(strstr(text, "corrupt entry_corrupt !\n") != NULL,
	    "a file that cannot be believed is marked");
	free(text);
}

static void
as_json(void)
{
	static const char *const keys[] = {"domain", "kind", "mode", "id",
	    "since", "expires", "state", "reason", "long"};
	struct sts_entry e = fresh_entry();
	struct sts_cache_line line;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *object;

	sts_cache_policy_line(&line, &e, &config, now);
	ok(sts_cache_print_json(out, &line), "JSON is printed");
	fclose(out);
	object = json_loads(text, 0, NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ok(json_object_get(object, keys[i]) != NULL, "it has %s",
		    keys[i]);
	is_int((long long)json_object_size(object),
	    sizeof(keys) / sizeof(keys[0]), "and no other key");
	json_decref(object);
	free(text);
}

struct account {
	struct sts_tool tool;
	struct sts_refresh refresh;
	char *out, *err;
	size_t out_len, err_len;
};

static void
begin(struct account *a)
{
	memset(a, 0, sizeof(*a));
	a->tool.out = open_memstream(&a->out, &a->out_len);
	a->tool.err = open_memstream(&a->err, &a->err_len);
	a->refresh.tool = &a->tool;
}

static void
take(struct account *a, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s", text);
	sts_refresh_take(&a->refresh, line);
}

static int
end(struct account *a, bool died)
{
	int code = sts_refresh_summary(&a->refresh, died);

	fclose(a->tool.out);
	fclose(a->tool.err);
	return code;
}

static void
drop_account(struct account *a)
{
	free(a->out);
	free(a->err);
}

static void
a_refresh(void)
{
	struct account a;

	begin(&a);
	take(&a, "done refresh example.com ok");
	is_int(end(&a, false), 0, "one domain that went well");
	is_str(a.out, "refreshed 1, failed 0\n", "and the summary");
	drop_account(&a);
	begin(&a);
	take(&a, "done refresh example.com failed not_found");
	is_int(end(&a, false), 1, "an unknown domain");
	is_str(a.err, "mta-sts: example.com: no such entry (not_found)\n",
	    "named, with the reason");
	drop_account(&a);
	begin(&a);
	take(&a, "done refresh a.example failed fetch_connect");
	take(&a, "progress 1 3");
	take(&a, "progress 3 3");
	is_int(end(&a, false), 1, "one failure of three");
	is_str(a.out, "refreshed 2, failed 1\n", "counted from the progress");
	drop_account(&a);
}

static void
a_broken_refresh(void)
{
	struct account a;

	begin(&a);
	take(&a, "done refresh * fault ca_unusable");
	is_int(end(&a, false), 3, "a local fault");
	drop_account(&a);
	begin(&a);
	is_int(end(&a, true), 3, "a resolver that died");
	ok(strstr(a.err, "the resolver ended without an answer") != NULL,
	    "says so");
	drop_account(&a);
	begin(&a);
	take(&a, "");
	take(&a, "done");
	take(&a, "bad");
	take(&a, "done lookup example.com fault clock");
	take(&a, "progress");
	is_int(end(&a, false), 0, "lines that say nothing change nothing");
	drop_account(&a);
	begin(&a);
	take(&a, "done refresh \x1b[2J failed \x1b[2J");
	(void)end(&a, false);
	ok(strchr(a.err, '\x1b') == NULL, "nothing reaches the terminal raw");
	drop_account(&a);
}

int
main(void)
{
	a_policy();
	a_failing_policy();
	an_absence();
	a_corrupt_entry();
	as_json();
	a_refresh();
	a_broken_refresh();
	return tap_done();
}
