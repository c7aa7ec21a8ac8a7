/* SPDX-License-Identifier: ISC */
/*
 * smtpd's side of its filters and tables: starts a program as smtpd does and
 * talks to it.  Its resolver is help_smtpd_resolver.
 */
#ifndef STS_TESTS_TAP_SMTPD_H
#define STS_TESTS_TAP_SMTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/routes.h"
#include "tests/unit/lib/tap_world.h"

/* Where the program finds the socket. */
enum peer_style {
	PEER_BOTH, /* descriptors 0 and 1, one socket: smtpd 7.x, filters */
	PEER_STDIN_ONLY /* descriptor 0; 1 is /dev/null: tables of smtpd 6.8 */
};

struct peer {
	pid_t pid;
	int fd;          /* our end of the socket */
	char buf[65536]; /* what came and was not taken yet */
	size_t len;
	bool ended; /* end of the program's output */
};

/* A world whose resolver is help_smtpd_resolver. */
void smtpd_world(struct world *w, const char *lines);

/* Removes it, even while a resolver that was left alone still writes there. */
void smtpd_remove(struct world *w);

/* The number of the first such line as below, from 1; 0: there is none. */
unsigned smtpd_line_of(const struct world *w, const char *beginning);

/* How many lines of DIR/ran, the fake's diary, begin with `beginning`. */
unsigned smtpd_ran(const struct world *w, const char *beginning);

/* Waits, `ms` at most, until there are at least `count`; says whether. */
bool smtpd_wait_ran(
    const struct world *w, const char *beginning, unsigned count, int ms);

/* Two hosts mx1.DOMAIN (10) and mx2.DOMAIN (20), found so long ago. */
void smtpd_routes(
    const struct world *w, const char *domain, int64_t recorded_ago);

/* Writes these, `recorded` included. */
void smtpd_write_routes(const struct world *w, const struct sts_routes *routes);

/* Writes this one, as the resolver would. */
void smtpd_write_check(const struct world *w, const struct sts_check *check);

/* An enforce policy that permits mx1 and mx2 of the domain. */
const char *smtpd_enforce(const char *domain);

/* Starts $B/PROGRAM under that name with up to 6 arguments, NULL-ended. */
void peer_start(struct peer *p, const char *program, enum peer_style style,
    const char *name, const char *const *arguments);

/* Writes all of it, reading meanwhile what the buffer takes. */
void peer_write(struct peer *p, const void *bytes, size_t len);
void peer_say(struct peer *p, const char *text);

/*
 * The next line without its line feed, in a static buffer; NULL after `ms`
 * milliseconds or at the end.
 */
const char *peer_line(struct peer *p, int ms);

/* Exactly `len` bytes into buf; false after `ms` or at the end. */
bool peer_bytes(struct peer *p, void *buf, size_t len, int ms);

/* True while the program runs. */
bool peer_alive(const struct peer *p);

/*
 * Kilobytes of resident memory, without what is read of files: code that runs
 * for the first time is no growth.
 */
long peer_rss(const struct peer *p);

/*
 * Asserts that the program's memory has grown by no more than 200 KB since
 * `before`; skips where a sanitizer keeps what is freed.
 */
void peer_is_flat(const struct peer *p, long before, const char *what);

/* The same, by no more than that many KB. */
void peer_is_within(
    const struct peer *p, long before, long more, const char *what);

/*
 * Ends the input and waits 10 s for the program to end: its exit status, or
 * -1 where it was killed or had to be.
 */
int peer_end(struct peer *p);

/* Milliseconds of a monotonic clock. */
int64_t smtpd_ms(void);

#endif
