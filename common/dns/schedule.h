/* SPDX-License-Identifier: ISC */
/*
 * One query, of one name and type, to the name servers: which is asked when,
 * and what it means that they answered, or did not.
 *
 * With T for the timeout, N for the number of servers:
 *
 *	when                    what is sent
 *	0                       the query to the first server
 *	T/5 each (N <= 3)       the query to the next one
 *	2T/5(N-1) each (N > 3)  likewise
 *	T/5 (N = 1)             the query to the same one: a packet was lost
 *	T/2                     the query to all once more, and the control
 *	                        questions (servers.h)
 *	T                       the end
 *
 * An answer to any of these counts whenever it comes, so each server has at
 * least T/2 for an answer, also one that starts anew at each repetition.  A
 * server that answers that it cannot, or cannot be reached, does not keep the
 * next one waiting; when all have, they are asked once more, and the control
 * questions with it.
 *
 * Nothing in all this waits for another question, and nothing is remembered
 * but when each server last had a useful answer to a control question: with one
 * in the second round, silence and failure are the domain's trouble.  Where
 * there is none, the servers fail for every name, and it is this side's.
 */
#ifndef STS_DNS_SCHEDULE_H
#define STS_DNS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "dns/channel.h"
#include "dns/reply.h"
#include "dns/servers.h"
#include "loop/loop.h"

/* What is known of a server with regard to one query. */
enum sts_server_state {
	STS_SERVER_NEW,         /* not asked yet */
	STS_SERVER_WAITING,     /* asked, and silent */
	STS_SERVER_FAILED,      /* answered that it cannot, or unreadably */
	STS_SERVER_UNREACHABLE, /* there is no way to it */
	STS_SERVER_GARBAGE      /* sent what is no answer, or hung up */
};

/* A member of what it belongs to.  Only schedule.c uses its members. */
struct sts_ask {
	struct sts_loop *loop;
	struct sts_servers *servers;
	struct sts_timer timer;
	struct sts_attempt_list attempts;
	char name[STS_NAME_MAX + 1];
	enum sts_record_type type;
	int64_t began_ms, timeout_ms;
	unsigned long stalls; /* of the loop, when it began */
	size_t next;          /* the first server that was not asked yet */
	bool repeated;        /* the first round of a single server */
	bool second;          /* the second round has begun: */
	int64_t second_ms;
	bool over;
	enum sts_status fault; /* of this machine, met on the way, or STS_OK */
	struct {
		enum sts_server_state state;
		unsigned waiting;       /* attempts without an answer */
		bool alone;             /* is asked on a channel of its own */
		enum sts_status status; /* STS_SERVER_FAILED: how */
	} server[STS_NAMESERVERS_MAX];
	void (*ended)(void *arg, struct sts_reply *reply);
	void *arg;
};

/*
 * Starts; `servers` is borrowed, the name at most STS_NAME_MAX bytes.  `ended`
 * comes once, also out of this call or out of c-ares: it may set timers and
 * stop another query, but not start one.  The reply is freed after it; a
 * caller who wants to keep it empties it.
 *
 * Its status: as in dns.h.  STS_NO_NAMESERVER where no server could be
 * reached, or none gave a useful answer to a control question either;
 * STS_RESOLVER_TIMEOUT where one was silent while this process stood still.
 */
void sts_ask_start(struct sts_ask *ask, struct sts_loop *loop,
    struct sts_servers *servers, const char *name, enum sts_record_type type,
    int64_t timeout_ms, void (*ended)(void *arg, struct sts_reply *reply),
    void *arg);

/* Ends it without a call; harmless where it has ended. */
void sts_ask_stop(struct sts_ask *ask);

#endif
