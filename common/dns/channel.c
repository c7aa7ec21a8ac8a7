/* SPDX-License-Identifier: ISC */
/* The calls that c-ares 1.18 and 1.34 share are marked deprecated in 1.34. */
#define CARES_NO_DEPRECATED

#include "dns/channel.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>

#include <ares.h>

#include "base/child.h"
#include "dns/socket.h"

enum {
	CHANNEL_QUESTIONS = 32,
	CHANNEL_MS = 5000,
	NO_TIMEOUT = 24 * 3600 * 1000 /* ms: schedule.c ends a query sooner */
};

/* A socket that c-ares wants watched. */
struct channel_socket {
	TAILQ_ENTRY(channel_socket) link;
	struct channel *channel;
	int fd;
	struct sts_watch *reading, *writing;
};

struct sts_attempt {
	TAILQ_ENTRY(sts_attempt) link; /* of the caller's list */
	struct sts_attempt_list *list; /* NULL: forgotten */
	struct channel *channel;
	bool alone, control;
	sts_attempt_ended *ended;
	void *arg;
	size_t number;
};

struct channel {
	TAILQ_ENTRY(channel) link;
	struct sts_lane *lane;
	ares_channel ares;
	TAILQ_HEAD(, channel_socket) sockets;
	struct sts_socket_context context;
	int64_t created_ms;
	size_t asked;  /* questions so far */
	size_t wanted; /* attempts that are neither ended nor forgotten */
	bool retired;  /* gets no more questions */
	bool deaf;     /* a socket could not be watched */
};

struct sts_lane {
	struct sts_loop *loop;
	const struct sts_nameserver *server;
	TAILQ_HEAD(, channel) channels;
	struct channel *current; /* gets the next question; NULL: none */
	int64_t useful_ms;
};

/* The end of a channel. */

static void
forget_socket(struct channel *channel, struct channel_socket *s)
{
	sts_watch_stop(channel->lane->loop, s->reading);
	sts_watch_stop(channel->lane->loop, s->writing);
	TAILQ_REMOVE(&channel->sockets, s, link);
	free(s);
}

static void
retire(struct channel *channel)
{
	channel->retired = true;
	if (channel->lane->current == channel)
		channel->lane->current = NULL;
}

static void
close_channel(struct channel *channel)
{
	struct channel_socket *s;

	retire(channel);
	if (channel->ares != NULL)
		ares_destroy(channel->ares);
	while ((s = TAILQ_FIRST(&channel->sockets)) != NULL)
		forget_socket(channel, s);
	TAILQ_REMOVE(&channel->lane->channels, channel, link);
	free(channel);
}

/* Not while c-ares is running. */
static void
sweep(struct sts_lane *lane)
{
	struct channel *channel, *next;

	for (channel = TAILQ_FIRST(&lane->channels); channel != NULL;
	     channel = next) {
		next = TAILQ_NEXT(channel, link);
		if (channel->retired && channel->wanted == 0)
			close_channel(channel);
	}
}

/* Watches. */

/* Has c-ares process descriptors only and no timeouts, if it can. */
static void
process(ares_channel ares, int fd, bool reading, bool writing)
{
#if ARES_VERSION >= 0x012200 /* 1.34 */
	ares_fd_events_t event = {fd,
	    (reading ? (unsigned)ARES_FD_EVENT_READ : 0) |
		(writing ? (unsigned)ARES_FD_EVENT_WRITE : 0)};

	(void)ares_process_fds(ares, &event, 1, ARES_PROCESS_FLAG_SKIP_NON_FD);
#else
	ares_process_fd(ares, reading ? fd : ARES_SOCKET_BAD,
	    writing ? fd : ARES_SOCKET_BAD);
#endif
}

/* Begins and ends each call into c-ares that may use a socket. */

static void
begin_call(struct channel *channel)
{
	channel->context.trouble = (struct sts_trouble){0};
}

static void
end_call(struct channel *channel)
{
	if (channel->context.trouble.outcome != STS_ANSWERED)
		retire(channel);
	if (channel->deaf)
		ares_cancel(channel->ares);
}

static void
socket_ready(struct channel_socket *s, bool reading, bool writing)
{
	struct channel *channel = s->channel;
	struct sts_lane *lane = channel->lane;
	int fd = s->fd;

	/* c-ares may close the socket, and free s, in this call. */
	begin_call(channel);
	process(channel->ares, fd, reading, writing);
	end_call(channel);
	if (channel->retired)
		sweep(lane);
}

static void
socket_readable(void *arg)
{
	socket_ready(arg, true, false);
}

static void
socket_writable(void *arg)
{
	socket_ready(arg, false, true);
}

/*
 * Without memory for a watch nothing would be read, which would look like a
 * silent server: ends all attempts of the channel.
 */
static void
go_deaf(struct channel *channel)
{
	channel->deaf = true;
	sts_socket_note(&channel->context, STS_FAULT, ENOMEM);
}

static void
set_watch(struct channel_socket *s, struct sts_watch **watch, bool wanted,
    bool writing)
{
	struct sts_loop *loop = s->channel->lane->loop;

	if (!wanted) {
		sts_watch_stop(loop, *watch);
		*watch = NULL;
	} else if (*watch == NULL) {
		*watch = sts_watch_start(loop, s->fd, writing,
		    writing ? socket_writable : socket_readable, s);
		if (*watch == NULL)
			go_deaf(s->channel);
	}
}

static struct channel_socket *
find_socket(struct channel *channel, int fd, bool wanted)
{
	struct channel_socket *s;

	TAILQ_FOREACH (s, &channel->sockets, link) {
		if (s->fd == fd)
			return s;
	}
	if (!wanted)
		return NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		go_deaf(channel);
		return NULL;
	}
	s->channel = channel;
	s->fd = fd;
	TAILQ_INSERT_TAIL(&channel->sockets, s, link);
	return s;
}

/* c-ares opens, uses, or (neither) is about to close a socket. */
static void
socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = arg;
	bool wanted = readable || writable;
	struct channel_socket *s = find_socket(channel, fd, wanted);

	if (s == NULL)
		return;
	if (!wanted) {
		forget_socket(channel, s);
		return;
	}
	set_watch(s, &s->reading, readable != 0, false);
	set_watch(s, &s->writing, writable != 0, true);
}

/* The beginning of a channel. */

/*
 * Sets everything that resolv.conf(5) or its environment variables could set.
 * With NOCHECKRESP every message is passed on, whatever its response code.
 */
static int
open_ares(struct channel *channel)
{
	struct in_addr placeholder = {htonl(INADDR_LOOPBACK)};
	char lookups[] = "b"; /* DNS only */
	char no_file[] = "/dev/null";
	struct ares_options options = {
	    .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
		ARES_FLAG_NOCHECKRESP,
	    .timeout = NO_TIMEOUT,
	    .tries = 1,
	    .ndots = 1,
	    .lookups = lookups,
	    .servers = &placeholder,
	    .nservers = 1,
	    .resolvconf_path = no_file,
	    .sock_state_cb = socket_state,
	    .sock_state_cb_data = channel,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_NDOTS | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
	    ARES_OPT_SORTLIST | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE |
	    ARES_OPT_SERVERS | ARES_OPT_RESOLVCONF;
	int code;

	/* 1.34 would cache answers for up to an hour. */
#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	code = ares_init_options(&channel->ares, &options, mask);
	if (code != ARES_SUCCESS)
		channel->ares = NULL;
	else
		sts_sockets_install(channel->ares, &channel->context);
	return code;
}

static struct channel *
open_channel(struct sts_lane *lane)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->lane = lane;
	channel->context.server = lane->server;
	channel->created_ms = sts_monotonic_ms();
	TAILQ_INIT(&channel->sockets);
	TAILQ_INSERT_TAIL(&lane->channels, channel, link);
	if (open_ares(channel) != ARES_SUCCESS) {
		close_channel(channel);
		return NULL;
	}
	return channel;
}

/* The channel for the next question; NULL: no memory. */
static struct channel *
choose_channel(struct sts_lane *lane, bool alone)
{
	struct channel *channel = lane->current;

	if (channel != NULL &&
	    (channel->asked >= CHANNEL_QUESTIONS ||
		sts_monotonic_ms() - channel->created_ms >= CHANNEL_MS))
		retire(channel);
	sweep(lane);
	if (!alone && lane->current != NULL)
		return lane->current;
	channel = open_channel(lane);
	if (channel != NULL && alone)
		channel->retired = true;
	else if (channel != NULL)
		lane->current = channel;
	return channel;
}

/* Attempts. */

static struct sts_answer
answer_of(
    const struct channel *channel, int code, const unsigned char *wire, int len)
{
	const struct sts_trouble *trouble = &channel->context.trouble;
	struct sts_answer answer = {.outcome = STS_LOST};

	if (wire != NULL && len > 0) {
		answer.outcome = STS_ANSWERED;
		answer.wire = wire;
		answer.len = (size_t)len;
	} else if (trouble->outcome != STS_ANSWERED) {
		answer.outcome = trouble->outcome;
		answer.fault = trouble->fault;
		answer.error = trouble->error;
	} else if (code == ARES_EBADNAME) {
		answer.outcome = STS_NO_NAME;
	} else if (code == ARES_ENOMEM) {
		answer.outcome = STS_FAULT;
		answer.fault = STS_NO_MEMORY;
	}
	return answer;
}

/*
 * c-ares calls this once for each query, even from ares_query and, for pending
 * ones, from ares_destroy.
 */
static void
ended(void *arg, int code, int timeouts, unsigned char *wire, int len)
{
	struct sts_attempt *attempt = arg;
	struct channel *channel = attempt->channel;
	struct sts_answer answer = answer_of(channel, code, wire, len);

	(void)timeouts;
	if (attempt->control && answer.outcome == STS_ANSWERED &&
	    sts_reply_is_useful(answer.wire, answer.len))
		channel->lane->useful_ms = sts_monotonic_ms();
	if (answer.outcome != STS_ANSWERED && answer.outcome != STS_NO_NAME)
		retire(channel);
	if (attempt->list != NULL) {
		TAILQ_REMOVE(attempt->list, attempt, link);
		channel->wanted--;
		answer.alone = attempt->alone;
		attempt->ended(attempt->arg, attempt->number, &answer);
	}
	free(attempt);
}

static void
fail(const struct sts_ask_options *options, enum sts_status fault)
{
	struct sts_answer answer = {.outcome = STS_FAULT, .fault = fault};

	options->ended(options->arg, options->number, &answer);
}

void
sts_lane_ask(struct sts_lane *lane, const struct sts_ask_options *options)
{
	static const int types[] = {[STS_TYPE_TXT] = ns_t_txt,
	    [STS_TYPE_MX] = ns_t_mx,
	    [STS_TYPE_A] = ns_t_a,
	    [STS_TYPE_AAAA] = ns_t_aaaa,
	    [STS_TYPE_TLSA] = STS_DNS_TLSA,
	    [STS_TYPE_NS] = ns_t_ns,
	    [STS_TYPE_SOA] = ns_t_soa};
	struct channel *channel = choose_channel(lane, options->alone);
	struct sts_attempt *attempt = calloc(1, sizeof(*attempt));

	if (channel == NULL || attempt == NULL) {
		free(attempt);
		fail(options, STS_NO_MEMORY);
		return;
	}
	*attempt = (struct sts_attempt){.list = options->list,
	    .channel = channel,
	    .alone = options->alone,
	    .control = options->control,
	    .ended = options->ended,
	    .arg = options->arg,
	    .number = options->number};
	TAILQ_INSERT_TAIL(options->list, attempt, link);
	channel->asked++;
	channel->wanted++;
	begin_call(channel);
	ares_query(channel->ares, options->name, ns_c_in, types[options->type],
	    ended, attempt);
	end_call(channel);
}

void
sts_attempts_forget(struct sts_attempt_list *list)
{
	struct sts_attempt *attempt;

	while ((attempt = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, attempt, link);
		attempt->list = NULL;
		attempt->channel->wanted--;
	}
}

/* Lanes. */

struct sts_lane *
sts_lane_create(struct sts_loop *loop, const struct sts_nameserver *server)
{
	struct sts_lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return NULL;
	lane->loop = loop;
	lane->server = server;
	lane->useful_ms = INT64_MIN;
	TAILQ_INIT(&lane->channels);
	return lane;
}

void
sts_lane_destroy(struct sts_lane *lane)
{
	struct channel *channel;

	if (lane == NULL)
		return;
	while ((channel = TAILQ_FIRST(&lane->channels)) != NULL)
		close_channel(channel);
	free(lane);
}

int64_t
sts_lane_useful_ms(const struct sts_lane *lane)
{
	return lane->useful_ms;
}

enum sts_status
sts_channel_library_start(void)
{
	int code = ares_library_init(ARES_LIB_INIT_ALL);

	if (code == ARES_SUCCESS)
		return STS_OK;
	return code == ARES_ENOMEM ? STS_NO_MEMORY : STS_INTERNAL;
}

void
sts_channel_library_stop(void)
{
	ares_library_cleanup();
}
