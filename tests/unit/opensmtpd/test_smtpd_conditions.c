/* SPDX-License-Identifier: ISC */
/*
 * Whether one match rule takes all mail of another: what sts_smtpd_covers says
 * for each pair of some hundred rules, beside the sessions that smtpd gives to
 * each.  A pair that passes wrongly is mail that meets no policy.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "opensmtpd/check/smtpd.h"
#include "tests/unit/lib/tap.h"

/* Sessions: their sources, each with each of these. */
enum source { SOCKET, LOOPBACK, NET_A, NET_B, SOURCES };
enum { TAGS = 3, USERS = 3, SENDERS = 3, SESSIONS = 108 };

/* A condition as it is written, and a bit for each value that meets it. */
struct part {
	const char *text;
	unsigned source, tag, user, sender;
};

#define ALL ~0U

/* Tags: none, A, B.  Users: none, u, v.  Senders: another one, a@x, b@x. */
static const struct part froms[] = {
    {"", 3, ALL, ALL, ALL},
    {"from local", 3, ALL, ALL, ALL},
    {"from socket", 1, ALL, ALL, ALL},
    {"from any", ALL, ALL, ALL, ALL},
    {"! from local", 12, ALL, ALL, ALL},
    {"! from any", 0, ALL, ALL, ALL},
    {"from src \"10.0.0.1\"", 4, ALL, ALL, ALL},
    {"from src { \"10.0.0.1\", \"10.0.0.2\" }", 12, ALL, ALL, ALL},
    {"! from src \"10.0.0.1\"", 11, ALL, ALL, ALL},
    {"! from src { \"10.0.0.1\" \"10.0.0.2\" }", 3, ALL, ALL, ALL},
    {"from auth", ALL, ALL, 6, ALL},
    {"! from auth", ALL, ALL, 1, ALL},
    {"from auth \"u\"", ALL, ALL, 2, ALL},
    {"from mail-from \"a@x\"", ALL, ALL, ALL, 2},
};
static const struct part mores[] = {
    {"", ALL, ALL, ALL, ALL},
    {"tag A", ALL, 2, ALL, ALL},
    {"tag \"A\"", ALL, 2, ALL, ALL},
    {"tag { A, B }", ALL, 6, ALL, ALL},
    {"! tag A", ALL, 5, ALL, ALL},
    {"! tag { A, B }", ALL, 1, ALL, ALL},
    {"auth", ALL, ALL, 6, ALL},
    {"! auth", ALL, ALL, 1, ALL},
    {"auth \"u\"", ALL, ALL, 2, ALL},
    {"auth { \"u\", \"v\" }", ALL, ALL, 6, ALL},
    {"! auth \"u\"", ALL, ALL, 5, ALL},
    {"mail-from \"a@x\"", ALL, ALL, ALL, 2},
    {"mail-from { \"a@x\", \"b@x\" }", ALL, ALL, ALL, 6},
    {"! mail-from \"a@x\"", ALL, ALL, ALL, 5},
    {"! mail-from { \"a@x\", \"b@x\" }", ALL, ALL, ALL, 1},
    {"mail-from regex \"a@x\"", ALL, ALL, ALL, 2},
    {"tag A mail-from \"a@x\"", ALL, 2, ALL, 2},
    {"mail-from \"a@x\" ! tag A", ALL, 5, ALL, 2},
};

enum {
	FROMS = sizeof(froms) / sizeof(froms[0]),
	MORES = sizeof(mores) / sizeof(mores[0]),
	RULES = FROMS * MORES
};

static struct sts_smtpd smtpd;
/* The sessions that a rule takes; those of one keyword twice are not asked. */
static bool takes[RULES][SESSIONS];
static bool valid[RULES];

static bool
meets(const struct part *p, unsigned source, unsigned tag, unsigned user,
    unsigned sender)
{
	return (p->source >> source & 1) != 0 && (p->tag >> tag & 1) != 0 &&
	    (p->user >> user & 1) != 0 && (p->sender >> sender & 1) != 0;
}

static void
fill(size_t rule, const struct part *from, const struct part *more)
{
	size_t n = 0;

	valid[rule] = !(strstr(from->text, "auth") != NULL &&
			  strstr(more->text, "auth") != NULL) &&
	    !(strstr(from->text, "mail-from") != NULL &&
		strstr(more->text, "mail-from") != NULL);
	for (unsigned source = 0; source < SOURCES; source++)
		for (unsigned tag = 0; tag < TAGS; tag++)
			for (unsigned user = 0; user < USERS; user++)
				for (unsigned sender = 0; sender < SENDERS;
				     sender++)
					takes[rule][n++] =
					    meets(from, source, tag, user,
						sender) &&
					    meets(more, source, tag, user,
						sender);
}

static bool
is_part_of(size_t narrow, size_t wide)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		if (takes[narrow][i] && !takes[wide][i])
			return false;
	}
	return true;
}

/* Every other rule with "for" before the other conditions. */
static void
write_rules(char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < RULES; i++) {
		const struct part *from = &froms[i / MORES];
		const struct part *more = &mores[i % MORES];

		fill(i, from, more);
		len += (size_t)snprintf(text + len, size - len,
		    "match %s%s %s %s action \"r\"\n",
		    i % 2 == 0 ? "for any " : "", from->text, more->text,
		    i % 2 == 0 ? "" : "! for local");
	}
}

static void
take(void *arg, const struct sts_finding *finding)
{
	(void)arg;
	ok(false, "the rules are read: %s", finding->text);
}

static void
all_pairs(void)
{
	unsigned wrong = 0, seen = 0, unseen = 0, itself = 0, rules = 0;

	for (size_t w = 0; w < RULES; w++) {
		rules += valid[w];
		for (size_t n = 0; n < RULES; n++) {
			bool covers = valid[w] && valid[n] &&
			    sts_smtpd_covers(&smtpd.rule[w], &smtpd.rule[n]);
			bool part = is_part_of(n, w);

			itself += covers && w == n;
			seen += covers && part;
			unseen += valid[w] && valid[n] && !covers && part;
			if (!covers || part)
				continue;
			if (wrong++ < 5)
				tap_diag("%s %s does not cover %s %s",
				    froms[w / MORES].text,
				    mores[w % MORES].text,
				    froms[n / MORES].text,
				    mores[n % MORES].text);
		}
	}
	is_int(wrong, 0, "no rule covers one that takes more mail");
	is_int(itself, rules, "each covers itself");
	ok(seen >= 1968, "%u covers are seen", seen);
	tap_diag(
	    "%u of empty rules and different keywords are not seen", unseen);
}

static size_t
rule_of(const char *from, const char *more)
{
	size_t f = 0, m = 0;

	while (f < FROMS - 1 && strcmp(froms[f].text, from) != 0)
		f++;
	while (m < MORES - 1 && strcmp(mores[m].text, more) != 0)
		m++;
	return f * MORES + m;
}

/* Pairs as operators write them. */
static void
usual_pairs(void)
{
	static const struct {
		const char *wide[2], *narrow[2];
	} pairs[] = {
	    {{"", ""}, {"from local", "mail-from \"a@x\""}},
	    {{"from local", ""}, {"from socket", ""}},
	    {{"from any", ""}, {"! from local", "! auth"}},
	    {{"from any", "tag A"}, {"from any", "tag \"A\""}},
	    {{"from auth", ""}, {"from any", "auth"}},
	    {{"from any", "auth"}, {"from auth \"u\"", "tag A"}},
	    {{"from any", "mail-from { \"a@x\", \"b@x\" }"},
		{"from mail-from \"a@x\"", ""}},
	    {{"from src { \"10.0.0.1\", \"10.0.0.2\" }", ""},
		{"from src \"10.0.0.1\"", "auth"}},
	    {{"from any", "! tag A"}, {"from any", "! tag { A, B }"}},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *const *w = pairs[i].wide,
				  *const *n = pairs[i].narrow;

		ok(sts_smtpd_covers(&smtpd.rule[rule_of(w[0], w[1])],
		       &smtpd.rule[rule_of(n[0], n[1])]),
		    "%s %s covers %s %s", w[0], w[1], n[0], n[1]);
	}
}

int
main(void)
{
	static char text[RULES * 160];
	struct sts_findings findings = {.take = take};

	write_rules(text, sizeof(text));
	if (!ok(sts_smtpd_read_text(&smtpd.conf, "smtpd.conf", text,
		    strlen(text), &findings) == STS_OK &&
		    sts_smtpd_make_rules(&smtpd) && smtpd.rule_count == RULES,
		"all rules are there"))
		return tap_done();
	for (size_t i = 0; i < RULES; i++) {
		if (!smtpd.rule[i].for_any)
			ok(false, "rule %zu is for any domain", i);
	}
	all_pairs();
	usual_pairs();
	sts_smtpd_free_rules(&smtpd);
	sts_smtpd_free(&smtpd.conf);
	return tap_done();
}
