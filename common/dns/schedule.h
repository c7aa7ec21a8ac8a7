/* SPDX-License-Identifier: ISC */
/*
 * One query, of one name and type, to the name servers: which one is asked
 * when, and what their answers or silence mean.
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
 * Any answer counts whenever it comes, so each server has at least T/2, even
 * one that restarts its work at each repetition.  If a server fails or is
 * unreachable, the next one is asked at once; when all have failed, the second
 * round begins.
 *
 * Queries do not wait for each other, and all that is remembered is when each
 * server last had a useful answer to a control question.  With one in the
 * second round, silence and failure are blamed on the domain; without, the
 * servers fail for every name, and this machine is to blame.
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

/* The state of a server in one query. */
enum sts_server_state {
	STS_SERVER_NEW,         /* not asked yet */
	STS_SERVER_WAITING,     /* asked, no answer yet */
	STS_SERVER_FAILED,      /* failed, or sent an unreadable answer */
	STS_SERVER_UNREACHABLE, /* cannot be reached */
	STS_SERVER_GARBAGE      /* sent no valid answer, or hung up */
};

/* Embedded in its owner.  Only schedule.c uses its members. */
struct sts_ask {
	struct sts_loop *loop;
	struct sts_servers *servers;
	struct sts_timer timer;
	struct sts_attempt_list attempts;
	char name[STS_NAME_MAX + 1];
	enum sts_record_type type;
	int64_t began_ms, timeout_ms;
	unsigned long stalls; /* of the loop, when it began */
	size_t next;          /* the first server not asked yet */
	bool repeated;        /* a single server was asked again */
	bool second;          /* the second round has begun: */
	int64_t second_ms;
	bool over;
	enum sts_status fault; /* a local fault on the way, or STS_OK */
	struct {
		enum sts_server_state state;
		unsigned waiting;       /* attempts without an answer */
		bool alone;             /* use a channel of its own */
		enum sts_status status; /* STS_SERVER_FAILED: how */
	} server[STS_NAMESERVERS_MAX];
	void (*ended)(void *arg, struct sts_reply *reply);
	void *arg;
};

/*
 * Starts; `servers` is borrowed, the name has at most STS_NAME_MAX bytes.
 * `ended` is called once, possibly from this call or from c-ares: it may set
 * timers and stop another query, but not start one.  The reply is freed after
 * it; to keep it, the callback empties it.
 *
 * The status is as in dns.h.  STS_NO_NAMESERVER: no server could be reached, or
 * none gave a useful answer to a control question; STS_RESOLVER_TIMEOUT: one
 * was silent while this process was stopped.
 */
void sts_ask_start(struct sts_ask *ask, struct sts_loop *loop,
    struct sts_servers *servers, const char *name, enum sts_record_type type,
    int64_t timeout_ms, void (*ended)(void *arg, struct sts_reply *reply),
    void *arg);

/* Ends it without a callback; harmless if it has ended. */
void sts_ask_stop(struct sts_ask *ask);

#endif
