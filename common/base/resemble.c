/* SPDX-License-Identifier: ISC */
#include "base/resemble.h"

#include <string.h>
#include <strings.h>

/* Whether the rest of both words is the same. */
static bool
same_rest(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

bool
sts_resembles(const char *word, size_t len, const char *meant)
{
	size_t meant_len = strlen(meant), same = 0;

	while (same < len && same < meant_len &&
	    strncasecmp(word + same, meant + same, 1) == 0)
		same++;
	word += same;
	meant += same;
	len -= same;
	meant_len -= same;
	if (len == 0 || meant_len == 0)
		return len + meant_len <= 1;
	/* A byte replaced, inserted, missing, swapped. */
	return same_rest(word + 1, len - 1, meant + 1, meant_len - 1) ||
	    same_rest(word + 1, len - 1, meant, meant_len) ||
	    same_rest(word, len, meant + 1, meant_len - 1) ||
	    (len > 1 && meant_len > 1 && strncasecmp(word, meant + 1, 1) == 0 &&
		strncasecmp(word + 1, meant, 1) == 0 &&
		same_rest(word + 2, len - 2, meant + 2, meant_len - 2));
}
