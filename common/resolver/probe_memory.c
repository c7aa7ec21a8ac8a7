/* SPDX-License-Identifier: ISC */
#include "resolver/probe_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"

/*
 * More addresses than can be probed in ten minutes: beyond that nothing is
 * contacted until the oldest is ten minutes old.
 */
enum { ADDRESSES = 4096, RESULTS = 1024, DOMAINS = 1024 };

struct sts_probe_memory {
	struct {
		uint64_t key; /* a hash; 0: none */
		int64_t probed;
		int64_t first;  /* first of these `count` contacts */
		unsigned count; /* contacts in STS_PROBE_AGAIN from `first` */
	} address[ADDRESSES];
	size_t next_address;
	struct {
		char host[STS_NAME_MAX + 1];
		int64_t probed;
		enum sts_status probe;
	} result[RESULTS];
	size_t next_result;
	struct {
		uint64_t key; /* of the host; the store decides */
		char domain[STS_NAME_MAX + 1];
	} domain[DOMAINS];
	size_t next_domain;
};

struct sts_probe_memory *
sts_probe_memory_create(void)
{
	return calloc(1, sizeof(struct sts_probe_memory));
}

void
sts_probe_memory_destroy(struct sts_probe_memory *memory)
{
	free(memory);
}

/* Never 0. */
static uint64_t
key_of(const char *name)
{
	uint64_t hash = sts_hashmap_hash(name);

	return hash != 0 ? hash : 1;
}

int64_t
sts_probe_again(int64_t probed, enum sts_status probe)
{
	return probed != 0 && probe != STS_OK ? STS_PROBE_RETRY
					      : STS_PROBE_AGAIN;
}

/* After the clock was set back, nothing counts as recent. */
bool
sts_probe_is_recent(int64_t probed, int64_t again, int64_t now)
{
	return probed != 0 && probed <= now && now - probed < again;
}

/* Records another contact, at `probed`, with the address in this slot. */
static void
count_contact(struct sts_probe_memory *m, size_t i, int64_t probed)
{
	if (m->address[i].count == 0 ||
	    !sts_probe_is_recent(
		m->address[i].first, STS_PROBE_AGAIN, probed)) {
		m->address[i].first = probed;
		m->address[i].count = 0;
	}
	m->address[i].count++;
	m->address[i].probed = probed;
}

void
sts_probe_memory_note_address(struct sts_probe_memory *memory,
    const char *address, int64_t probed, int64_t now)
{
	struct sts_probe_memory *m = memory;
	uint64_t key = key_of(address);

	if (!sts_probe_is_recent(probed, STS_PROBE_AGAIN, now))
		return;
	/* A few thousand comparisons are cheap next to a connection. */
	for (size_t i = 0; i < ADDRESSES; i++) {
		if (m->address[i].key == key) {
			if (m->address[i].probed < probed)
				count_contact(m, i, probed);
			return;
		}
	}
	m->address[m->next_address].key = key;
	m->address[m->next_address].count = 0;
	count_contact(m, m->next_address, probed);
	m->next_address = (m->next_address + 1) % ADDRESSES;
}

/* True if it was contacted as often as is allowed. */
static bool
is_full(const struct sts_probe_memory *m, size_t i, int64_t now)
{
	return m->address[i].count >= STS_PROBES_AN_ADDRESS &&
	    sts_probe_is_recent(m->address[i].first, STS_PROBE_AGAIN, now);
}

bool
sts_probe_memory_may_contact(
    const struct sts_probe_memory *memory, const char *address, int64_t now)
{
	const struct sts_probe_memory *m = memory;
	uint64_t key = key_of(address);

	for (size_t i = 0; i < ADDRESSES; i++) {
		if (m->address[i].key == key)
			return !is_full(m, i, now) &&
			    !sts_probe_is_recent(
				m->address[i].probed, STS_PROBE_RETRY, now);
	}
	/* The oldest would be overwritten. */
	return !sts_probe_is_recent(
	    m->address[m->next_address].probed, STS_PROBE_AGAIN, now);
}

/* The slot of a host, or the one to reuse for it. */
static size_t
index_of(const struct sts_probe_memory *m, const char *host)
{
	size_t i = 0;

	while (i < RESULTS && strcmp(m->result[i].host, host) != 0)
		i++;
	return i;
}

void
sts_probe_memory_note_result(struct sts_probe_memory *memory, const char *host,
    int64_t probed, enum sts_status probe)
{
	size_t i = index_of(memory, host);

	if (i == RESULTS) {
		i = memory->next_result;
		memory->next_result = (i + 1) % RESULTS;
		memcpy(memory->result[i].host, host, strlen(host) + 1);
	}
	memory->result[i].probed = probed;
	memory->result[i].probe = probe;
}

bool
sts_probe_memory_result(const struct sts_probe_memory *memory, const char *host,
    int64_t *probed, enum sts_status *probe)
{
	size_t i = index_of(memory, host);

	if (i == RESULTS)
		return false;
	*probed = memory->result[i].probed;
	*probe = memory->result[i].probe;
	return true;
}

void
sts_probe_memory_note_domain(
    struct sts_probe_memory *memory, const char *host, const char *domain)
{
	struct sts_probe_memory *m = memory;
	uint64_t key = key_of(host);

	for (size_t i = 0; i < DOMAINS; i++) {
		if (m->domain[i].key == key &&
		    strcmp(m->domain[i].domain, domain) == 0)
			return;
	}
	m->domain[m->next_domain].key = key;
	memcpy(m->domain[m->next_domain].domain, domain, strlen(domain) + 1);
	m->next_domain = (m->next_domain + 1) % DOMAINS;
}

void
sts_probe_memory_domains(const struct sts_probe_memory *memory,
    const char *host, bool (*each)(void *arg, const char *domain), void *arg)
{
	uint64_t key = key_of(host);

	for (size_t i = 0; i < DOMAINS; i++) {
		if (memory->domain[i].key == key &&
		    !each(arg, memory->domain[i].domain))
			return;
	}
}
