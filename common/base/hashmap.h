/* SPDX-License-Identifier: ISC */
/*
 * A hash table of things that have a 64-bit key: sessions, domains, addresses.
 * A member holds a struct sts_map_node as its first field and belongs to
 * whoever made it; several may have the same key.  The table itself never
 * allocates.
 */
#ifndef STS_BASE_HASHMAP_H
#define STS_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

enum { STS_MAP_BUCKETS = 4096 };

struct sts_map_node {
	struct sts_map_node *next;
	uint64_t key;
};

struct sts_map {
	struct sts_map_node *bucket[STS_MAP_BUCKETS];
	size_t count;
};

void sts_map_insert(
    struct sts_map *map, struct sts_map_node *node, uint64_t key);

/* The first member with that key, and the next one after it; or NULL. */
void *sts_map_find(const struct sts_map *map, uint64_t key);
void *sts_map_next(const struct sts_map_node *node);

/* Takes out a member that is in the map. */
void sts_map_remove(struct sts_map *map, struct sts_map_node *node);

/* Takes out any member; NULL from an empty map. */
void *sts_map_pop(struct sts_map *map);

/* A hash of a string, and a bijection that spreads one. */
uint64_t sts_map_hash(const char *string);
uint64_t sts_map_mix(uint64_t value);

#endif
