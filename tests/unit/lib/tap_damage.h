/* SPDX-License-Identifier: ISC */
/*
 * Damage to the bytes of a file, at random from a fixed seed, for tests.
 */
#ifndef STS_TESTS_TAP_DAMAGE_H
#define STS_TESTS_TAP_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "store/file.h"

enum { DAMAGE_MAX = 2 * STS_FILE_MAX };

/* The content of a file. */
struct text {
	char bytes[DAMAGE_MAX];
	size_t len;
};

/* The domain of a damaged file, and a stranger's. */
#define DAMAGE_DOMAIN "victim.example"
#define DAMAGE_OTHER  "other.example"

/* A number from 0 to below - 1; 0 for 0.  The same in every run. */
uint32_t draw(uint32_t below);

/*
 * Damages *t, which was `intact`, in one of damage_kinds() ways; `stranger` is
 * another file's content.  The first DAMAGE_SIMPLE ways ask for neither.
 */
enum { DAMAGE_SIMPLE = 16 };
uint32_t damage_kinds(void);
void damage_text(struct text *t, uint32_t kind, const struct text *intact,
    const struct text *stranger);

#endif
