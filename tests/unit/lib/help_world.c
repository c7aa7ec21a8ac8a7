/* SPDX-License-Identifier: ISC */
/*
 * Makes a world (tap_world.h) for tests that are scripts, and prints its
 * directory: help_world FAKE [CONFIGURATION-LINE...].  In it are
 *
 *     fresh.example    enforce, just checked
 *     stale.example    enforce, half a day old, not checked for an hour
 *     due.example      enforce, more than a day old, not checked since
 *     testing.example  testing, just checked, wants TLS reports
 *     absent.example   looked up, no record
 *     corrupt.example  a damaged policy file
 *     many.example     enforce, just checked, 300 names
 *
 * and nothing of any other domain.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/lib/tap_world.h"

#define ENFORCE                                                              \
	"version: STSv1\nmode: enforce\nmx: mx1.example\nmx: *.mx.example\n" \
	"max_age: 604800\n"
#define TESTING \
	"version: STSv1\nmode: testing\nmx: mx1.example\nmax_age: 604800\n"

static void
add_many(const struct world *w)
{
	char body[STS_BODY_MAX];
	size_t len = (size_t)snprintf(body, sizeof(body), ENFORCE);

	for (int i = 0; i < 300; i++)
		len += (size_t)snprintf(body + len, sizeof(body) - len,
		    "mx: mx-%d.many.example\n", i);
	world_policy(w, "state", "many.example", body, 1, 1);
}

int
main(int argc, char **argv)
{
	char lines[1000] = "";
	struct world w;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
		    "%s\n", argv[i]);
	world_make(&w, argv[1], lines);
	world_policy(&w, "state", "fresh.example", ENFORCE, 1, 1);
	world_policy(&w, "state", "stale.example", ENFORCE, 43200, 3600);
	world_policy(&w, "state", "due.example", ENFORCE, 90000, 90000);
	world_policy(&w, "state", "testing.example", TESTING, 1, 1);
	world_tlsrpt(&w, "state", "testing.example",
	    "v=TLSRPTv1; rua=mailto:r@testing.example");
	world_none(&w, "state", "absent.example", "", 1, 3600);
	world_policy(&w, "state", "corrupt.example", ENFORCE, 1, 1);
	world_damage(&w, "policies", "corrupt.example");
	add_many(&w);
	printf("%s\n", w.dir);
	return 0;
}
