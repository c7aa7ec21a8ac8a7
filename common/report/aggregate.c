/* SPDX-License-Identifier: ISC */
/*
 * A table in two blocks of memory of a fixed size: entries, one behind the
 * other, and slots that lead to them by a hash.  A domain is an entry; so is
 * each combination of what a row of its report says, which has the domain's
 * offset in place of its name.
 *
 * A part of the domains is those with the same last bits of a hash.  It begins
 * with all of them; a part whose entries do not fit is read as two.
 */
#include "report/aggregate.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

enum {
	PART_BITS_MAX = 16,
	ENTRY_ALIGN = 8,
	BYTES_PER_SLOT = 32, /* of entries: the smallest row has as many */
	NO_ENTRY = 0         /* the first entry is not at offset 0 */
};

struct entry {
	uint64_t hash;
	uint32_t domain; /* offset of the domain's entry; NO_ENTRY: it is one */
	uint32_t next;   /* row of the same domain; of a domain the last row */
	uint32_t count;  /* sessions; of a domain its rows */
	uint16_t len;
	char key[]; /* a domain's name; else struct row and its strings */
};

/* The beginning of a row's key; the strings follow, each with its NUL. */
struct row {
	int64_t fetched;
	unsigned char type, result;
};

enum { STRINGS = 6, KEY_MAX = sizeof(struct row) + STS_OUTCOME_LINE_MAX };

struct table {
	char *entries;
	uint32_t *slots;
	size_t size, used; /* bytes of entries */
	size_t slot_count; /* a power of two */
	size_t entry_count;
	unsigned bits; /* of the hash that are those of the part */
	uint64_t part;
	bool full;
	sts_aggregate_take *take;
	void *arg;
	bool ended;
};

static struct entry *
at(const struct table *table, uint32_t offset)
{
	return (struct entry *)(void *)(table->entries + offset);
}

static uint64_t
hash_key(const char *key, size_t len, uint32_t domain)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ domain; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001b3);
	return sts_hashmap_mix(hash);
}

static size_t
entry_size(size_t len)
{
	return (sizeof(struct entry) + len + ENTRY_ALIGN - 1) / ENTRY_ALIGN *
	    ENTRY_ALIGN;
}

/* The slot of a key, or the empty one where it belongs. */
static uint32_t *
find_slot(const struct table *table, uint64_t hash, uint32_t domain,
    const char *key, size_t len)
{
	size_t mask = table->slot_count - 1;
	size_t i = (size_t)(hash >> PART_BITS_MAX) & mask;

	for (;; i = (i + 1) & mask) {
		const struct entry *entry = at(table, table->slots[i]);

		if (table->slots[i] == NO_ENTRY ||
		    (entry->hash == hash && entry->domain == domain &&
			entry->len == len && memcmp(entry->key, key, len) == 0))
			return &table->slots[i];
	}
}

/* The offset of an entry, made if need be; NO_ENTRY, and `full`, if it cannot.
 */
static uint32_t
find_entry(struct table *table, uint64_t hash, uint32_t domain, const char *key,
    size_t len)
{
	uint32_t *slot = find_slot(table, hash, domain, key, len);
	size_t size = entry_size(len);
	struct entry *entry;

	if (*slot != NO_ENTRY)
		return *slot;
	if (table->size - table->used < size ||
	    table->entry_count >= table->slot_count / 4 * 3) {
		table->full = true;
		return NO_ENTRY;
	}
	*slot = (uint32_t)table->used;
	table->used += size;
	table->entry_count++;
	entry = at(table, *slot);
	*entry = (struct entry){hash, domain, NO_ENTRY, 0, (uint16_t)len};
	memcpy(entry->key, key, len);
	return *slot;
}

/* A success has none, but with DANE its MX host: the policy is that host's. */
static int
strings_of(const struct sts_outcome *outcome)
{
	if (outcome->result != STS_RESULT_NONE)
		return STRINGS;
	return outcome->type == STS_POLICY_TYPE_TLSA ? 1 : 0;
}

/* The strings of a row, as many as `detail` lets; the length of the key. */
static size_t
make_key(char key[KEY_MAX], const struct sts_outcome *outcome, int detail)
{
	const char *const strings[STRINGS] = {outcome->mx,
	    outcome->receiving_ip, outcome->sending_ip, outcome->helo,
	    outcome->reason, outcome->additional};
	struct row row;
	size_t used = sizeof(row);

	memset(&row, 0, sizeof(row)); /* what lies between members, too */
	row.fetched = outcome->fetched;
	row.type = (unsigned char)outcome->type;
	row.result = (unsigned char)outcome->result;
	memcpy(key, &row, sizeof(row));
	for (int i = 0; i < strings_of(outcome); i++) {
		const char *text = i < detail ? strings[i] : "";
		size_t len = strlen(text) + 1;

		if (used + len > KEY_MAX)
			break;
		memcpy(key + used, text, len);
		used += len;
	}
	return used;
}

/* How much is written of a failure, by the rows that its domain has. */
static int
detail_of(uint32_t rows)
{
	if (rows < STS_AGGREGATE_ROWS_MAX)
		return STRINGS;
	return rows < STS_AGGREGATE_ROWS_MAX + STS_AGGREGATE_HOSTS_MAX ? 1 : 0;
}

static void
add_to_domain(struct entry *domain, struct entry *row, uint32_t offset)
{
	row->next = domain->next;
	domain->next = offset;
	domain->count++;
}

/*
 * A row that is there counts with all its detail, a new one only within the
 * limits; false where the table is full.
 */
static bool
count_row(
    struct table *table, uint32_t domain, const struct sts_outcome *outcome)
{
	char key[KEY_MAX];
	int least = detail_of(at(table, domain)->count);

	for (int detail = STRINGS;; detail = detail == STRINGS ? 1 : 0) {
		size_t len = make_key(key, outcome, detail);
		uint64_t hash = hash_key(key, len, domain);
		uint32_t row = *find_slot(table, hash, domain, key, len);

		if (row == NO_ENTRY && detail > least)
			continue;
		if (row == NO_ENTRY) {
			row = find_entry(table, hash, domain, key, len);
			if (row == NO_ENTRY)
				return false;
			add_to_domain(at(table, domain), at(table, row), row);
		}
		at(table, row)->count++;
		return true;
	}
}

static bool
on_outcome(void *arg, const struct sts_outcome *outcome)
{
	struct table *table = arg;
	size_t len = strlen(outcome->domain) + 1;
	uint64_t hash = hash_key(outcome->domain, len, NO_ENTRY);
	uint64_t mask = (UINT64_C(1) << table->bits) - 1;
	uint32_t domain;

	if ((hash & mask) != table->part || !sts_outcome_is_session(outcome))
		return true;
	domain = find_entry(table, hash, NO_ENTRY, outcome->domain, len);
	return domain != NO_ENTRY && count_row(table, domain, outcome);
}

/* The first string of a row, its MX host, or "". */
static const char *
row_mx(const struct entry *entry)
{
	return entry->len > sizeof(struct row) ? entry->key + sizeof(struct row)
					       : "";
}

static bool
is_tlsa(const struct entry *entry)
{
	struct row row;

	memcpy(&row, entry->key, sizeof(row));
	return row.type == STS_POLICY_TYPE_TLSA;
}

/* By policy, with DANE also by MX host; then by result, then as they came. */
static int
compare_rows(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int order = memcmp((*x)->key, (*y)->key, offsetof(struct row, result));

	if (order == 0 && is_tlsa(*x))
		order = strcmp(row_mx(*x), row_mx(*y));
	if (order == 0)
		order = memcmp((*x)->key, (*y)->key, sizeof(struct row));
	if (order != 0)
		return order;
	return (*x > *y) - (*x < *y);
}

/* The policies of one domain, with room for as many as it has rows. */
struct output {
	struct sts_aggregate_policy *policies;
	struct sts_report_failure *failures;
	size_t policy_count, failure_count;
};

static void
fill_failure(struct sts_report_failure *failure, const struct entry *entry,
    enum sts_result result)
{
	const char **const strings[STRINGS] = {&failure->receiving_mx,
	    &failure->receiving_ip, &failure->sending_ip,
	    &failure->receiving_helo, &failure->reason, &failure->additional};
	const char *text = entry->key + sizeof(struct row);
	const char *end = entry->key + entry->len;

	failure->result = result;
	failure->sessions = entry->count;
	for (size_t i = 0; i < STRINGS; i++) {
		*strings[i] = text < end ? text : "";
		if (text < end)
			text += strlen(text) + 1;
	}
}

static void
add_row(struct output *output, const struct entry *entry, const char *domain)
{
	struct sts_aggregate_policy *policy =
	    output->policies + output->policy_count - 1;
	const char *mx = row_mx(entry);
	struct row row;

	memcpy(&row, entry->key, sizeof(row));
	/* RFC 8460 4.4: the policy domain of TLSA records is the MX host. */
	if (row.type == STS_POLICY_TYPE_TLSA && mx[0] != '\0')
		domain = mx;
	if (output->policy_count == 0 || policy->fetched != row.fetched ||
	    policy->report.type != (enum sts_policy_type)row.type ||
	    strcmp(policy->report.domain, domain) != 0) {
		policy = &output->policies[output->policy_count++];
		memset(policy, 0, sizeof(*policy));
		policy->fetched = row.fetched;
		policy->report.type = (enum sts_policy_type)row.type;
		policy->report.domain = domain;
		policy->report.failure =
		    output->failures + output->failure_count;
	}
	if (row.result == STS_RESULT_NONE) {
		policy->report.successes += entry->count;
		return;
	}
	fill_failure(&output->failures[output->failure_count++], entry,
	    (enum sts_result)row.result);
	policy->report.failures += entry->count;
	policy->report.failure_count++;
}

/* Gives one domain; false: no memory. */
static bool
give_domain(struct table *table, const struct entry *domain)
{
	size_t rows = domain->count, count = 0;
	struct output output = {calloc(rows, sizeof(*output.policies)),
	    calloc(rows, sizeof(*output.failures)), 0, 0};
	const struct entry **row = calloc(rows, sizeof(const struct entry *));
	bool good =
	    output.policies != NULL && output.failures != NULL && row != NULL;

	for (uint32_t next = domain->next; good && next != NO_ENTRY;
	     next = row[count - 1]->next)
		row[count++] = at(table, next);
	if (good)
		qsort(row, count, sizeof(const struct entry *), compare_rows);
	for (size_t i = 0; i < count; i++)
		add_row(&output, row[i], domain->key);
	if (good &&
	    !table->take(
		table->arg, domain->key, output.policies, output.policy_count))
		table->ended = true;
	free(row);
	free(output.policies);
	free(output.failures);
	return good;
}

/* Domains in the order in which they came first. */
static enum sts_status
give(struct table *table)
{
	const struct entry *entry;

	for (size_t i = ENTRY_ALIGN; i < table->used && !table->ended;
	     i += entry_size(entry->len)) {
		entry = at(table, (uint32_t)i);
		if (entry->domain == NO_ENTRY && entry->count > 0 &&
		    !give_domain(table, entry))
			return STS_NO_MEMORY;
	}
	return STS_OK;
}

static void
empty(struct table *table)
{
	memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
	table->used = ENTRY_ALIGN;
	table->entry_count = 0;
	table->full = false;
}

/* Recursion goes no deeper than PART_BITS_MAX. */
static enum sts_status
read_part(struct table *table, struct sts_store *store, int64_t day,
    unsigned bits, uint64_t part)
{
	struct sts_outcomes_reader reader = {on_outcome, NULL, table, 0};
	enum sts_status status;

	empty(table);
	table->bits = bits;
	table->part = part;
	status = sts_outcomes_read(store, day, &reader);
	if (status != STS_OK)
		return status;
	if (!table->full)
		return give(table);
	if (bits == PART_BITS_MAX)
		return STS_NO_MEMORY;
	status = read_part(table, store, day, bits + 1, part);
	if (status == STS_OK && !table->ended)
		status = read_part(
		    table, store, day, bits + 1, part | UINT64_C(1) << bits);
	return status;
}

enum sts_status
sts_aggregate_day(struct sts_store *store, int64_t day, size_t bytes,
    sts_aggregate_take *take, void *arg)
{
	struct table table = {.size = bytes, .take = take, .arg = arg};
	enum sts_status status = STS_NO_MEMORY;

	table.slot_count = 1;
	while (table.slot_count < bytes / BYTES_PER_SLOT)
		table.slot_count *= 2;
	table.entries = malloc(bytes);
	table.slots = calloc(table.slot_count, sizeof(*table.slots));
	if (table.entries != NULL && table.slots != NULL)
		status = read_part(&table, store, day, 0, 0);
	free(table.entries);
	free(table.slots);
	return status;
}
