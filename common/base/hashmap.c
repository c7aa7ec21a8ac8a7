/* SPDX-License-Identifier: ISC */
/*
 * Chained, with a fixed number of buckets: since it never grows, it cannot run
 * out of memory, and with 50,000 sessions a chain has a dozen members.
 */
#include "base/hashmap.h"

/* Folds the key, since hashes of names differ little in their low bits. */
static size_t
bucket_of(uint64_t key)
{
	return (size_t)(sts_hashmap_mix(key) % STS_MAP_BUCKETS);
}

void
sts_hashmap_insert(
    struct sts_hashmap *map, struct sts_hashmap_node *node, uint64_t key)
{
	struct sts_hashmap_node **at = &map->bucket[bucket_of(key)];

	node->key = key;
	node->next = *at;
	*at = node;
	map->count++;
}

void *
sts_hashmap_find(const struct sts_hashmap *map, uint64_t key)
{
	struct sts_hashmap_node *node = map->bucket[bucket_of(key)];

	while (node != NULL && node->key != key)
		node = node->next;
	return node;
}

void *
sts_hashmap_next(const struct sts_hashmap_node *node)
{
	uint64_t key = node->key;

	do
		node = node->next;
	while (node != NULL && node->key != key);
	/* The node is the first field, so this is the member's address. */
	return (void *)(uintptr_t)node;
}

void
sts_hashmap_remove(struct sts_hashmap *map, struct sts_hashmap_node *node)
{
	struct sts_hashmap_node **at = &map->bucket[bucket_of(node->key)];

	while (*at != NULL && *at != node)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = node->next;
	node->next = NULL;
	map->count--;
}

void *
sts_hashmap_pop(struct sts_hashmap *map)
{
	for (size_t i = 0; map->count > 0 && i < STS_MAP_BUCKETS; i++) {
		struct sts_hashmap_node *node = map->bucket[i];

		if (node != NULL) {
			map->bucket[i] = node->next;
			map->count--;
			return node;
		}
	}
	return NULL;
}

/* FNV-1a. */
uint64_t
sts_hashmap_hash(const char *string)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *string != '\0'; string++) {
		hash ^= (unsigned char)*string;
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

/* SplitMix64's finaliser, since FNV's low bits are poorly mixed. */
uint64_t
sts_hashmap_mix(uint64_t value)
{
	value ^= value >> 30;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	value ^= value >> 27;
	value *= UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

/* Each byte is mixed into all of a state that is not known. */
uint64_t
sts_hashmap_keyed(uint64_t secret, const char *string)
{
	uint64_t hash = secret;

	for (; *string != '\0'; string++)
		hash = sts_hashmap_mix(hash + (unsigned char)*string) ^ secret;
	return hash;
}
