/* SPDX-License-Identifier: ISC */
/*
 * A hash table of structs with a 64-bit key: sessions, domains, addresses.  The
 * first field of a member is a struct sts_hashmap_node; its creator owns it;
 * several members may have one key.  The table never allocates.
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

/* The first member with that key, and the next one after it, or NULL. */
void *sts_hashmap_find(const struct sts_hashmap *map, uint64_t key);
void *sts_hashmap_next(const struct sts_hashmap_node *node);

/* Removes a member that is in the map. */
void sts_hashmap_remove(struct sts_hashmap *map, struct sts_hashmap_node *node);

/* Removes and returns any member; NULL if the map is empty. */
void *sts_hashmap_pop(struct sts_hashmap *map);

/* A hash of a string, the same everywhere, and a bijection that mixes one. */
uint64_t sts_hashmap_hash(const char *string);
uint64_t sts_hashmap_mix(uint64_t value);

/*
 * A hash of a string that a stranger has chosen: nobody who does not know
 * `secret`, a random number of this process, can make many strings have one.
 */
uint64_t sts_hashmap_keyed(uint64_t secret, const char *string);

#endif
