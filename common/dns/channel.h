/* SPDX-License-Identifier: ISC */
/*
 * Queries to one name server, through c-ares; besides socket.c and reply.c the
 * only file that uses c-ares.
 *
 * c-ares handles the messages, their ids, the sockets and the change to TCP.
 * schedule.c decides when a server is asked, or asked again, and when to give
 * up: c-ares gets one server and one try that never ends.  Its own schedule
 * differs between 1.18 and 1.34, which shortens a try to 250 ms after a few
 * quick answers and ignores later ones.
 *
 * Many questions share a channel, since making one costs as much as three
 * answers.  So they share a UDP socket and a source port, which an off-path
 * forger must guess along with the id.  Sharing as such does not help him: no
 * name is asked twice at a time, so each of his packets has one chance.  But
 * given time he can find open ports (1,000 tries a second, by the limit on
 * ICMP: half a minute for all of Linux' ports).  So a channel serves
 * CHANNEL_QUESTIONS questions or CHANNEL_MS, whichever ends first, and the next
 * one has another port.
 *
 * c-ares is given 127.0.0.1 instead of the server's address; the functions in
 * socket.c connect to the real address, with its zone.  A connected socket
 * receives from that address only.
 */
#ifndef STS_DNS_CHANNEL_H
#define STS_DNS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/status.h"
#include "dns/nameserver.h"
#include "dns/reply.h"
#include "loop/loop.h"

struct sts_lane; /* one server's channels */
struct sts_attempt;
TAILQ_HEAD(sts_attempt_list, sts_attempt);

/* How an attempt ended. */
enum sts_outcome {
	STS_ANSWERED,    /* a message with the right id and question */
	STS_UNREACHABLE, /* the socket could not be used for this server */
	STS_LOST,        /* the connection ended, or brought no DNS message */
	STS_NO_NAME,     /* not a name that the DNS allows */
	STS_FAULT        /* this process has no descriptors or memory */
};

struct sts_answer {
	enum sts_outcome outcome;
	const unsigned char *wire; /* STS_ANSWERED: the message, borrowed */
	size_t len;
	int error; /* STS_UNREACHABLE: an errno, or 0: no such zone */
	enum sts_status fault; /* STS_FAULT */
	bool alone;            /* from the question */
};

/*
 * Called once for each attempt that is not forgotten first, possibly from
 * sts_lane_ask.  It may set timers and forget, but neither ask nor destroy.
 */
typedef void sts_attempt_ended(
    void *arg, size_t server, const struct sts_answer *answer);

/* `server` must outlive the lane.  NULL: no memory. */
struct sts_lane *sts_lane_create(
    struct sts_loop *loop, const struct sts_nameserver *server);

/* Not from sts_attempt_ended.  Its attempts must have been forgotten. */
void sts_lane_destroy(struct sts_lane *lane);

/*
 * Sends one question and waits for its answer without limit.  `alone`: on a
 * channel of its own, undisturbed by replies to other questions.  The attempt
 * is in *list until it ends; `number` is passed to `ended`.
 */
struct sts_ask_options {
	const char *name;
	enum sts_record_type type;
	bool alone;
	bool control; /* see servers.h */
	struct sts_attempt_list *list;
	sts_attempt_ended *ended;
	void *arg;
	size_t number;
};
void sts_lane_ask(struct sts_lane *lane, const struct sts_ask_options *options);

/* Forgets all attempts of a list: they end without a callback. */
void sts_attempts_forget(struct sts_attempt_list *list);

/*
 * When the server last sent a useful answer (reply.h) to a control question,
 * even a forgotten one; INT64_MIN: never.
 */
int64_t sts_lane_useful_ms(const struct sts_lane *lane);

/* Starts c-ares; counted: one stop for each successful start. */
enum sts_status sts_channel_library_start(void);
void sts_channel_library_stop(void);

#endif
