/* SPDX-License-Identifier: ISC */
/*
 * The way to one name server, through c-ares: beside socket.c and reply.c
 * the only file that uses c-ares.
 *
 * c-ares keeps the messages, their ids, the sockets and the change to TCP.
 * When a server is asked, again or another one, and when to give up, is
 * decided in schedule.c: c-ares gets one server and one try that never ends.
 * What it does by itself differs between 1.18 and 1.34, which shortens a try
 * to 250 ms after a few quick answers and ignores the answer after that.
 *
 * Many questions share a channel, since to make one costs as much as three
 * answers.  With it they share a UDP socket, and so a source port, which a
 * forger who is not on the way must guess beside the id.  He gains nothing
 * by the sharing as such: no name is asked twice at a time, so each of his
 * packets has one chance, and the chance is that of a port and an id.  What
 * he may do with time is to find out which ports are open (1,000 tries a
 * second, by the limit on ICMP: half a minute for all of Linux' ports).  So
 * a channel serves CHANNEL_QUESTIONS questions or CHANNEL_MS, whichever ends
 * first, and the next one has a port of its own.
 *
 * c-ares never learns the server's address: it is given 127.0.0.1, and our own
 * socket functions (socket.h) open the family and connect to the address, with
 * its zone, that is meant.  A connected socket hears that address alone.
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

struct sts_lane; /* the way to one server */
struct sts_attempt;
TAILQ_HEAD(sts_attempt_list, sts_attempt);

/* How an attempt ended. */
enum sts_outcome {
	STS_ANSWERED,    /* a message with our id and question */
	STS_UNREACHABLE, /* the socket could not be used for this server */
	STS_LOST,        /* the connection ended, or brought no DNS message */
	STS_NO_NAME,     /* the DNS cannot hold such a name */
	STS_FAULT        /* this process has no descriptors or memory */
};

struct sts_answer {
	enum sts_outcome outcome;
	const unsigned char *wire; /* STS_ANSWERED: the message, borrowed */
	size_t len;
	int error; /* STS_UNREACHABLE: an errno, or 0: no such zone */
	enum sts_status fault; /* STS_FAULT */
	bool alone;            /* as it was asked */
};

/*
 * Called once for each attempt that is not forgotten before, possibly out of
 * sts_lane_ask.  It may set timers and forget, but neither ask nor destroy.
 */
typedef void sts_attempt_ended(
    void *arg, size_t server, const struct sts_answer *answer);

/* `server` must outlive the lane.  NULL: no memory. */
struct sts_lane *sts_lane_create(
    struct sts_loop *loop, const struct sts_nameserver *server);

/* Not out of sts_attempt_ended.  Its attempts must have been forgotten. */
void sts_lane_destroy(struct sts_lane *lane);

/*
 * Sends one question and waits for its answer without end.  `alone` gives it
 * a channel of its own, where no other question's reply can disturb it.  The
 * attempt is a member of *list until it ends; `number` is handed to `ended`.
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

/* Forgets all attempts of a list: they end without a call. */
void sts_attempts_forget(struct sts_attempt_list *list);

/*
 * When the server last sent a useful answer (reply.h) to a control question,
 * also a forgotten one; INT64_MIN: not yet.
 */
int64_t sts_lane_useful_ms(const struct sts_lane *lane);

/* c-ares itself; counted, one stop for each start that succeeded. */
enum sts_status sts_channel_library_start(void);
void sts_channel_library_stop(void);

#endif
