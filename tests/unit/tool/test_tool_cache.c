/* SPDX-License-Identifier: ISC */
/* `mta-sts cache`: the lines of the list, and what a refresh reports. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/unit/lib/tap.h"
#include "tool/cache.h"

static const int64_t now = 1800000000;
static const struct sts_config config = {.recheck = 300,
    .refresh_after = 86400};

static char body[] =
    "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 604800\n";

static struct sts_entry
fresh_entry(struct sts_check *check)
{
	struct sts_entry e = {.domain = "example.com", .id = "1"};

	*check = (struct sts_check){.domain = "example.com",
	    .checked = now - 60,
	    .next_check = now + 240};
	e.fetched = now - 3600;
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
	struct sts_check c;
	struct sts_entry e = fresh_entry(&c);
	struct sts_cache_line line;
	char *text;

	sts_cache_policy_line(&line, &e, &c, &config, now);
	text = line_of(&line);
	is_str(text,
	    "example.com                      policy testing 1"
	    "                       60m     6d fresh\n",
	    "domain, kind, mode, id, age, time left, state");
	free(text);
	c.checked = now - 301;
	c.next_check = now - 1;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	is_str(line.state, "stale", "to be asked about again");
	memset(&c, 0, sizeof(c));
	sts_cache_policy_line(&line, &e, &c, &config, now);
	is_str(line.state, "stale", "the same where its check is lost");
	e.fetched = now - 299;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	is_str(line.state, "fresh", "unless it was fetched a moment ago");
	e.expires = now - 1;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	is_str(line.state, "expired", "expired");
}

static void
a_failing_policy(void)
{
	struct sts_check c;
	struct sts_entry e = fresh_entry(&c);
	struct sts_cache_line line;
	char *text;

	strcpy(c.failed_id, "2");
	c.failed_reason = STS_FETCH_CONNECT;
	c.failed_since = now - 60;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	is_str(line.state, "failed", "the last fetch failed");
	ok(!line.marked, "a minute ago: not marked");
	c.failed_since = now - 86401;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	ok(line.marked, "for longer than a day: marked");
	text = line_of(&line);
	ok(strstr(text, "failed fetch_connect !\n") != NULL,
	    "with its reason and the mark");
	free(text);
	c.failed_since = now - 60;
	e.fetched = now - 2 * 86400 - 1;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	ok(!line.marked, "an old policy with a new failure: not marked");
	c.failed_since = now - 86401;
	c.failed_next = now + 3000;
	c.failures = 30;
	sts_cache_policy_line(&line, &e, &c, &config, now);
	ok(line.marked, "tried again and again for longer than a day: marked");
	is_str(line.id, "1", "the id is that of the policy");
}

static void
no_policy(void)
{
	struct sts_check a = {.domain = "example.org",
	    .checked = now - 10,
	    .until = now + 3590,
	    .reason = STS_NO_RECORD};
	struct sts_cache_line line;
	char *text;

	sts_cache_none_line(&line, &a, now);
	text = line_of(&line);
	is_str(text,
	    "example.org                      absent -       -"
	    "                       10s    59m fresh no_record\n",
	    "no policy and why");
	free(text);
	a.reason = STS_DNS_SERVFAIL;
	sts_cache_none_line(&line, &a, now);
	is_str(
	    line.state, "fresh", "a DNS in trouble, not asked again so soon");
	strcpy(a.failed_id, "7");
	a.reason = a.failed_reason = STS_FETCH_STATUS;
	sts_cache_none_line(&line, &a, now);
	is_str(line.state, "failed", "a failed fetch without a policy");
	is_str(line.id, "7", "with the id of the record");
	a.until = now - 1;
	sts_cache_none_line(&line, &a, now);
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
a_heading(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sts_cache_print_head(out);
	fclose(out);
	is_str(text,
	    "DOMAIN                           KIND   MODE    ID"
	    "                      AGE   LEFT STATE\n",
	    "the heading has the columns of the lines");
	free(text);
}

static void
as_json(void)
{
	static const char *const keys[] = {"domain", "kind", "mode", "id",
	    "since", "expires", "state", "reason", "long"};
	struct sts_check c;
	struct sts_entry e = fresh_entry(&c);
	struct sts_cache_line line;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *object;

	sts_cache_policy_line(&line, &e, &c, &config, now);
	ok(sts_cache_print_json(out, &line), "JSON is printed");
	fclose(out);
	object = json_loads(text, 0, NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ok(json_object_get(object, keys[i]) != NULL, "it has %s",
		    keys[i]);
	is_int((long long)json_object_size(object),
	    sizeof(keys) / sizeof(keys[0]), "and no other key");
	is_str(text,
	    "{\"domain\":\"example.com\",\"kind\":\"policy\","
	    "\"mode\":\"testing\",\"id\":\"1\","
	    "\"since\":\"2027-01-15T07:00:00Z\","
	    "\"expires\":\"2027-01-22T07:00:00Z\","
	    "\"state\":\"fresh\",\"reason\":null,\"long\":false}",
	    "in the order of the columns");
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
	sts_refresh_parse(&a->refresh, line);
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
	is_str(a.out, "fetched 1, not due 0, failed 0\n", "and the summary");
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
	take(&a, "refreshed fetched=2 not_due=40 failed=1 removed=0");
	is_int(end(&a, false), 1, "one failure of three that were due");
	is_str(a.out, "fetched 2, not due 40, failed 1\n", "AGE-2: all counts");
	drop_account(&a);
	begin(&a);
	take(&a, "refreshed fetched=0 not_due=1 failed=0 removed=2");
	is_int(end(&a, false), 0, "nothing was due");
	is_str(a.out,
	    "fetched 0, not due 1, failed 0\nremoved 2, expired and unused\n",
	    "AGE-2: nothing is called refreshed");
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
	no_policy();
	a_corrupt_entry();
	a_heading();
	as_json();
	a_refresh();
	a_broken_refresh();
	return tap_done();
}
