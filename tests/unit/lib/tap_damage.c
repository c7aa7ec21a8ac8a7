/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_damage.h"

#include <string.h>

enum { SEED = 8461 };

static uint64_t random_state = SEED;

/* Of the damage that is being done. */
static const struct text *intact, *stranger;

uint32_t
draw(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return below == 0 ? 0 : (uint32_t)(random_state >> 20) % below;
}
/* What is done to the bytes */

static void
replace(struct text *t, size_t at, size_t old, const char *with, size_t new)
{
	if (at > t->len || old > t->len - at ||
	    t->len - old + new > sizeof(t->bytes))
		return;
	memmove(t->bytes + at + new, t->bytes + at + old, t->len - at - old);
	memcpy(t->bytes + at, with, new);
	t->len += new - old;
}

static void
flip_bits(struct text *t)
{
	for (uint32_t n = draw(8); n < 8; n++)
		t->bytes[draw((uint32_t)t->len)] ^= (char)(1 << draw(8));
}

static void
change_bytes(struct text *t)
{
	for (uint32_t n = draw(16); n < 16; n++)
		t->bytes[draw((uint32_t)t->len)] = (char)draw(256);
}

static void
truncate_text(struct text *t)
{
	t->len = draw(3) == 0 ? t->len - 1 - draw(20) : draw((uint32_t)t->len);
}

static void
insert_bytes(struct text *t)
{
	char bytes[64];
	size_t n = 1 + draw(sizeof(bytes) - 1);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)draw(256);
	replace(t, draw((uint32_t)t->len + 1), 0, bytes, n);
}

static void
delete_bytes(struct text *t)
{
	size_t n = 1 + draw(64);

	replace(t, draw((uint32_t)(t->len - n)), n, "", 0);
}

static void
swap_blocks(struct text *t)
{
	uint32_t half = (uint32_t)t->len / 2, n = 1 + draw(half - 1);
	char *a = t->bytes + draw(half - n + 1);
	char *b = t->bytes + half + draw(half - n + 1);

	for (uint32_t i = 0; i < n; i++) {
		char byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

/* A block of zeros, as after a crash of the machine. */
static void
zero_block(struct text *t)
{
	size_t from = draw((uint32_t)t->len), n = 1 + draw(512);

	memset(t->bytes + from, 0, n < t->len - from ? n : t->len - from);
}

static void
empty(struct text *t)
{
	t->len = 0;
}

/* The line that a random byte is in; *len with its line feed. */
static char *
some_line(struct text *t, size_t *len)
{
	char *p = t->bytes + draw((uint32_t)t->len), *end;

	while (p > t->bytes && p[-1] != '\n')
		p--;
	end = memchr(p, '\n', t->len - (size_t)(p - t->bytes));
	*len = end == NULL ? t->len - (size_t)(p - t->bytes)
			   : (size_t)(end - p) + 1;
	return p;
}

static void
duplicate_line(struct text *t)
{
	char copy[DAMAGE_MAX / 2];
	size_t len;
	char *line = some_line(t, &len);

	if (len > sizeof(copy))
		len = sizeof(copy);
	memcpy(copy, line, len);
	replace(t, (size_t)(line - t->bytes), 0, copy, len);
}

static void
delete_line(struct text *t)
{
	size_t len;
	char *line = some_line(t, &len);

	replace(t, (size_t)(line - t->bytes), len, "", 0);
}

/* Two numbers of nineteen digits do not fit a number of ours. */
static void
change_number(struct text *t)
{
	static const char *const numbers[] = {"0", "1", "-1", "4294967296",
	    "9999999999", "999999999999999999", "9223372036854775807",
	    "18446744073709551616", "", "1e9", " 1"};
	const char *number = numbers[draw(sizeof(numbers) / sizeof(*numbers))];
	size_t at = draw((uint32_t)t->len), end;

	while (at < t->len && (t->bytes[at] < '0' || t->bytes[at] > '9'))
		at++;
	for (end = at;
	     end < t->len && t->bytes[end] >= '0' && t->bytes[end] <= '9';)
		end++;
	replace(t, at, end - at, number, strlen(number));
}

/* What an attacker, or an editor, would change. */
static void
weaken(struct text *t)
{
	static const char *const edits[][2] = {{"mode: enforce", "mode: none"},
	    {"mode: enforce", "mode: testing"}, {"mode: testing", "mode: none"},
	    {"mx: ", "mx: *."}, {"mx: ", "xx: "}, {"max_age: ", "max_age: 0"},
	    {"policy 2", "check 1"}, {"check 1", "policy 2"},
	    {"policy 2", "policy 1"}, {"expires: ", "expires: 1\nx: "},
	    {"reason: no_record", "reason: ok"}, {"until: ", "until: 9"},
	    {DAMAGE_DOMAIN, DAMAGE_OTHER}, {"crc32: ", "crc32:"},
	    {"\n", "\r\n"}};
	size_t which = draw(sizeof(edits) / sizeof(*edits));
	const char *from = edits[which][0], *to = edits[which][1];
	char *at = memmem(t->bytes, t->len, from, strlen(from));

	if (at == NULL)
		flip_bits(t);
	else
		replace(
		    t, (size_t)(at - t->bytes), strlen(from), to, strlen(to));
}

static void
become_stranger(struct text *t)
{
	*t = *stranger;
}

/* A write that was torn: the beginning of one file, the rest of another. */
static void
tear(struct text *t)
{
	size_t at = 1 + draw((uint32_t)t->len - 1);

	if (at < stranger->len) {
		memcpy(t->bytes + at, stranger->bytes + at, stranger->len - at);
		t->len = stranger->len;
	}
}

static void
append_itself(struct text *t)
{
	replace(t, t->len, 0, intact->bytes, intact->len);
}

static void
grow_huge(struct text *t)
{
	memset(t->bytes + t->len, '\n', sizeof(t->bytes) - t->len);
	t->len = sizeof(t->bytes);
}

static void (*const damages[])(struct text *) = {flip_bits, flip_bits,
    change_bytes, change_bytes, truncate_text, truncate_text, insert_bytes,
    delete_bytes, swap_blocks, zero_block, empty, duplicate_line, delete_line,
    change_number, weaken, weaken, become_stranger, tear, append_itself,
    grow_huge};

uint32_t
damage_kinds(void)
{
	return sizeof(damages) / sizeof(*damages);
}

void
damage_text(struct text *t, uint32_t kind, const struct text *whole,
    const struct text *other)
{
	intact = whole;
	stranger = other;
	damages[kind](t);
}
