/* SPDX-License-Identifier: ISC */
/*
 * A hash table of things that have a 64-bit key: sessions, domains, addresses.
 * A member holds a struct sts_hashmap_node as its first field and belongs to
 * its creator; several may have the same key.  The table itself never
 * allocates.
 */
#ifndef STS_BASE_HASHMAP_H
#define STS_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

enum { STS_MAP_BUCKETS = 4096 };

struct sts_hashmap_node {
	struct sts_hashmap_node *next;
	uint64_t key;
};

struct sts_hashmap {
	struct sts_hashmap_node *bucket[STS_MAP_BUCKETS];
	size_t count;
};

void sts_hashmap_insert(
    struct sts_hashmap *map, struct sts_hashmap_node *node, uint64_t key);

/* The first member with that key, and the next one after it; or NULL. */
void *sts_hashmap_find(const struct sts_hashmap *map, uint64_t key);
void *sts_hashmap_next(const struct sts_hashmap_node *node);

/* Takes out a member that is in the map. */
void sts_hashmap_remove(struct sts_hashmap *map, struct sts_hashmap_node *node);

/* Takes out any member; NULL from an empty map. */
void *sts_hashmap_pop(struct sts_hashmap *map);

/* A hash of a string, and a bijection that spreads one. */
uint64_t sts_hashmap_hash(const char *string);
uint64_t sts_hashmap_mix(uint64_t value);

#endif
