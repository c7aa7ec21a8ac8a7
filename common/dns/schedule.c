/* SPDX-License-Identifier: ISC */
#include "dns/schedule.h"

#include <string.h>

#include "base/child.h"
#include "base/fault.h"
#include "base/minmax.h"

enum {
	USUAL_SERVERS = 3,
	UNREACHABLE_PAUSE = 10, /* T/10, before the second round */
	CONTROL_LOOK_MS = 50    /* how often to check for their answers */
};

static void advance(void *arg);

static int64_t
age_ms(const struct sts_ask *ask)
{
	return sts_monotonic_ms() - ask->began_ms;
}

/* When to ask the server first, in ms after the beginning. */
static int64_t
first_ms(const struct sts_ask *ask, size_t server)
{
	size_t count = sts_servers_count(ask->servers);

	if (count <= USUAL_SERVERS)
		return ask->timeout_ms * (int64_t)server / 5;
	return ask->timeout_ms * 2 * (int64_t)server / 5 / (int64_t)(count - 1);
}

static bool
is_state(const struct sts_ask *ask, enum sts_server_state state)
{
	for (size_t i = 0; i < sts_servers_count(ask->servers); i++) {
		if (ask->server[i].state == state)
			return true;
	}
	return false;
}

/*
 * Answers to control questions count only from the second round on: for a
 * silent query, after half its time.  If older ones counted, all queries
 * pending when the network fails would be blamed on their domains.
 */
static bool
is_alive(const struct sts_ask *ask)
{
	return ask->second && sts_servers_alive(ask->servers, ask->second_ms);
}

/* The end. */

void
sts_ask_stop(struct sts_ask *ask)
{
	if (ask->loop == NULL || ask->over)
		return;
	ask->over = true;
	sts_timer_clear(ask->loop, &ask->timer);
	sts_attempts_forget(&ask->attempts);
}

static void
finish(struct sts_ask *ask, struct sts_reply *reply)
{
	sts_ask_stop(ask);
	ask->ended(ask->arg, reply);
	sts_reply_free(reply);
}

/* The failure of the first server that answered. */
static enum sts_status
first_failure(const struct sts_ask *ask)
{
	for (size_t i = 0; i < sts_servers_count(ask->servers); i++) {
		if (ask->server[i].status != STS_OK)
			return ask->server[i].status;
	}
	return STS_OK;
}

/*
 * Who is to blame for the lack of an answer.  A shortage of this process
 * explains everything; silence and failure are blamed on the domain if a
 * control question has a useful answer meanwhile.
 */
static enum sts_status
failure(const struct sts_ask *ask)
{
	enum sts_status status = ask->fault;
	bool silent;

	if (status == STS_OK)
		status = sts_fault_memory();
	if (status != STS_OK)
		return status;
	if (!is_alive(ask))
		return STS_NO_NAMESERVER;
	silent = is_state(ask, STS_SERVER_WAITING) ||
	    is_state(ask, STS_SERVER_GARBAGE);
	/* This process asked too late, or was stopped when the answer came. */
	if (silent && sts_loop_stalls(ask->loop) != ask->stalls)
		return STS_RESOLVER_TIMEOUT;
	status = first_failure(ask);
	if (status != STS_OK)
		return status;
	if (!silent)
		return STS_NO_NAMESERVER;
	return is_state(ask, STS_SERVER_GARBAGE) ? STS_DNS_BAD_REPLY
						 : STS_DNS_TIMEOUT;
}

static void
give_up(struct sts_ask *ask)
{
	struct sts_reply reply = {.status = failure(ask)};

	finish(ask, &reply);
}

/* One server. */

/* True if no other server could change it. */
static bool
is_final(enum sts_status status)
{
	return status == STS_OK || status == STS_DNS_NXDOMAIN ||
	    status == STS_DNS_NODATA;
}

static void
handle_message(struct sts_ask *ask, size_t i, const struct sts_answer *answer)
{
	struct sts_reply reply;

	sts_reply_read(&reply, ask->type, answer->wire, answer->len);
	if (is_final(reply.status)) {
		finish(ask, &reply);
		return;
	}
	if (sts_status_is_local(reply.status))
		ask->fault = reply.status;
	ask->server[i].status = reply.status;
	ask->server[i].state = STS_SERVER_FAILED;
	sts_reply_free(&reply);
}

/*
 * A shared connection may have ended because of the reply to another question:
 * asks the server again, alone.
 */
static void
handle_loss(struct sts_ask *ask, size_t i, const struct sts_answer *answer)
{
	if (answer->alone)
		ask->server[i].state = STS_SERVER_GARBAGE;
	else {
		ask->server[i].state = STS_SERVER_NEW;
		ask->server[i].alone = true;
		if (i < ask->next)
			ask->next = i;
	}
}

/* No attempt is pending, and none had a result. */
static bool
is_silent(const struct sts_ask *ask, size_t i)
{
	return ask->server[i].state == STS_SERVER_WAITING &&
	    ask->server[i].waiting == 0;
}

static void
attempt_ended(void *arg, size_t i, const struct sts_answer *answer)
{
	struct sts_ask *ask = arg;

	ask->server[i].waiting--;
	if (answer->outcome == STS_ANSWERED)
		handle_message(ask, i, answer);
	else if (answer->outcome == STS_NO_NAME)
		finish(ask, &(struct sts_reply){.status = STS_DNS_NXDOMAIN});
	else if (answer->outcome == STS_FAULT)
		ask->fault = answer->fault;
	if (answer->outcome == STS_LOST && is_silent(ask, i))
		handle_loss(ask, i, answer);
	else if (is_silent(ask, i))
		ask->server[i].state = STS_SERVER_UNREACHABLE;
	if (!ask->over)
		sts_timer_set(ask->loop, &ask->timer, 0, advance, ask);
}

static void
ask_server(struct sts_ask *ask, size_t i)
{
	struct sts_ask_options options = {.name = ask->name,
	    .type = ask->type,
	    .alone = ask->server[i].alone,
	    .list = &ask->attempts,
	    .ended = attempt_ended,
	    .arg = ask,
	    .number = i};

	ask->server[i].state = STS_SERVER_WAITING;
	ask->server[i].waiting++;
	sts_lane_ask(sts_servers_lane(ask->servers, i), &options);
}

/* All servers, by the clock. */

static void
first_round(struct sts_ask *ask)
{
	size_t count = sts_servers_count(ask->servers);
	int64_t age = age_ms(ask);

	while (!ask->over && ask->next < count &&
	    (age >= first_ms(ask, ask->next) ||
		!is_state(ask, STS_SERVER_WAITING))) {
		size_t i = ask->next++;

		if (ask->server[i].state == STS_SERVER_NEW)
			ask_server(ask, i);
	}
	if (!ask->over && count == 1 && !ask->repeated &&
	    age >= ask->timeout_ms / 5 &&
	    ask->server[0].state == STS_SERVER_WAITING) {
		ask->repeated = true;
		ask_server(ask, 0);
	}
}

/* When the second round begins, as known so far. */
static int64_t
second_ms(const struct sts_ask *ask)
{
	if (ask->next < sts_servers_count(ask->servers) ||
	    is_state(ask, STS_SERVER_WAITING))
		return ask->timeout_ms / 2;
	/* A server that restarts is unreachable for a moment. */
	return is_state(ask, STS_SERVER_FAILED)
	    ? 0
	    : ask->timeout_ms / UNREACHABLE_PAUSE;
}

static void
second_round(struct sts_ask *ask)
{
	ask->second = ask->repeated = true;
	ask->second_ms = sts_monotonic_ms();
	ask->fault = STS_OK;
	for (size_t i = 0; !ask->over && i < sts_servers_count(ask->servers);
	     i++)
		ask_server(ask, i);
	if (!ask->over && !is_alive(ask))
		sts_servers_control(ask->servers);
}

/*
 * No attempt is pending.  Garbage or failure is blamed on the domain only if a
 * control question is answered.
 */
static bool
is_settled(const struct sts_ask *ask)
{
	return (!is_state(ask, STS_SERVER_GARBAGE) &&
		   !is_state(ask, STS_SERVER_FAILED)) ||
	    is_alive(ask) || !sts_servers_in_control(ask->servers);
}

/* When to act next, in ms after the beginning. */
static int64_t
next_ms(const struct sts_ask *ask)
{
	size_t count = sts_servers_count(ask->servers);
	int64_t due = ask->timeout_ms;

	if (!is_state(ask, STS_SERVER_WAITING) && ask->second)
		return sts_min(due, age_ms(ask) + CONTROL_LOOK_MS);
	if (!ask->second)
		due = second_ms(ask);
	if (ask->next < count)
		due = sts_min(due, first_ms(ask, ask->next));
	if (count == 1 && !ask->repeated)
		due = sts_min(due, ask->timeout_ms / 5);
	return due;
}

static void
advance(void *arg)
{
	struct sts_ask *ask = arg;

	if (age_ms(ask) >= ask->timeout_ms) {
		give_up(ask);
		return;
	}
	first_round(ask);
	if (!ask->over && !ask->second && age_ms(ask) >= second_ms(ask))
		second_round(ask);
	if (ask->over)
		return;
	if (ask->second && !is_state(ask, STS_SERVER_WAITING) &&
	    ask->next == sts_servers_count(ask->servers) && is_settled(ask))
		give_up(ask);
	else
		sts_timer_set(ask->loop, &ask->timer,
		    next_ms(ask) - age_ms(ask), advance, ask);
}

void
sts_ask_start(struct sts_ask *ask, struct sts_loop *loop,
    struct sts_servers *servers, const char *name, enum sts_record_type type,
    int64_t timeout_ms, void (*ended)(void *arg, struct sts_reply *reply),
    void *arg)
{
	ask->loop = loop;
	ask->servers = servers;
	ask->type = type;
	ask->began_ms = sts_monotonic_ms();
	ask->timeout_ms = timeout_ms;
	ask->stalls = sts_loop_stalls(loop);
	ask->ended = ended;
	ask->arg = arg;
	TAILQ_INIT(&ask->attempts);
	memcpy(ask->name, name, strlen(name) + 1);
	advance(ask);
}
