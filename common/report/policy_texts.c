/* SPDX-License-Identifier: ISC */
#include "report/policy_texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum { DAYS_BACK = STS_OUTCOMES_DAYS, DAYS = DAYS_BACK + 2 };

struct text {
	struct sts_hashmap_node node;
	int64_t fetched;
	size_t domain_len; /* with its NUL; the text follows it, with its NUL */
	char bytes[];
};

struct sts_policy_texts {
	struct sts_store *store;
	int64_t day;
	bool wanted[DAYS]; /* from DAYS_BACK before `day` */
	bool is_day;       /* that is being read */
	size_t size;
	struct sts_hashmap map;
};

static uint64_t
key_of(const char *domain, int64_t fetched)
{
	return sts_hashmap_hash(domain) ^ sts_hashmap_mix((uint64_t)fetched);
}

static const struct text *
find(const struct sts_policy_texts *texts, const char *domain, int64_t fetched)
{
	const struct text *text =
	    sts_hashmap_find(&texts->map, key_of(domain, fetched));

	while (text != NULL &&
	    (text->fetched != fetched || strcmp(text->bytes, domain) != 0))
		text = sts_hashmap_next(&text->node);
	return text;
}

static void
want(struct sts_policy_texts *texts, int64_t day)
{
	int64_t at = day - (texts->day - DAYS_BACK);

	if (at >= 0 && at < DAYS)
		texts->wanted[at] = true;
}

/* Its policy is in the file of the day of its fetch, or in the next one. */
static bool
note_outcome(void *arg, const struct sts_outcome *outcome)
{
	if (outcome->fetched > 0) {
		want(arg, outcome->fetched / STS_DAY);
		want(arg, outcome->fetched / STS_DAY + 1);
	}
	return true;
}

static bool
pass_over(void *arg, const struct sts_outcome *outcome)
{
	(void)arg;
	(void)outcome;
	return true;
}

/* Without memory the report has a policy without its lines. */
static bool
note_policy(void *arg, const struct sts_outcome_policy *policy)
{
	struct sts_policy_texts *texts = arg;
	size_t domain_len = strlen(policy->domain) + 1;
	size_t size = sizeof(struct text) + domain_len + policy->len + 1;
	struct text *text;

	/* What was no policy is of its own day. */
	if (policy->fetched == 0 && !texts->is_day)
		return true;
	if (size > STS_POLICY_TEXTS_MAX - texts->size ||
	    find(texts, policy->domain, policy->fetched) != NULL ||
	    (text = malloc(size)) == NULL)
		return true;
	text->fetched = policy->fetched;
	text->domain_len = domain_len;
	memcpy(text->bytes, policy->domain, domain_len);
	memcpy(text->bytes + domain_len, policy->text, policy->len + 1);
	texts->size += size;
	sts_hashmap_insert(
	    &texts->map, &text->node, key_of(policy->domain, policy->fetched));
	return true;
}

enum sts_status
sts_policy_texts_read(
    struct sts_policy_texts **out, struct sts_store *store, int64_t day)
{
	struct sts_policy_texts *texts = calloc(1, sizeof(*texts));
	struct sts_outcomes_reader first = {
	    note_outcome, note_policy, texts, 0};
	struct sts_outcomes_reader others = {pass_over, note_policy, texts, 0};
	enum sts_status status;

	*out = texts;
	if (texts == NULL)
		return STS_NO_MEMORY;
	texts->store = store;
	texts->day = day;
	texts->is_day = true;
	status = sts_outcomes_read(store, day, &first);
	texts->is_day = false;
	/* Of a day that is not there, or not to be read, texts are missing. */
	for (int64_t i = 0; status == STS_OK && i < DAYS; i++)
		if (texts->wanted[i] && i != DAYS_BACK)
			(void)sts_outcomes_read(
			    store, day - DAYS_BACK + i, &others);
	return status;
}

void
sts_policy_texts_free(struct sts_policy_texts *texts)
{
	if (texts == NULL)
		return;
	for (void *text; (text = sts_hashmap_pop(&texts->map)) != NULL;)
		free(text);
	free(texts);
}

/* It may have any bytes; a report has printable ones. */
static char *
copy_invalid(const char *text)
{
	char *copy = strdup(text);

	for (char *p = copy; p != NULL && *p != '\0'; p++)
		if ((*p < ' ' && strchr("\t\r\n", *p) == NULL) || *p >= 0x7f)
			*p = '?';
	return copy;
}

char *
sts_policy_texts_find(struct sts_policy_texts *texts, const char *domain,
    int64_t fetched, int64_t now)
{
	const struct text *text = find(texts, domain, fetched);
	struct sts_entry entry;
	char *copy = NULL;

	if (fetched == 0)
		return text != NULL
		    ? copy_invalid(text->bytes + text->domain_len)
		    : NULL;
	if (text != NULL)
		return strdup(text->bytes + text->domain_len);
	if (sts_store_read_policy(texts->store, domain, now, &entry) != STS_OK)
		return NULL;
	if (entry.fetched == fetched)
		copy = strdup(entry.body);
	sts_entry_free(&entry);
	return copy;
}
