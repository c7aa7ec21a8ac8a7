/* SPDX-License-Identifier: ISC */
/* The calls that c-ares 1.18 and 1.34 share are marked deprecated in 1.34. */
#define CARES_NO_DEPRECATED

#include "dns/channel.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fault.h"

enum {
	TRIES = 3,       /* rounds through the servers */
	WIRE_MAX = 65535 /* bytes of a reply */
};

/* A socket that c-ares wants watched. */
struct channel_socket {
	TAILQ_ENTRY(channel_socket) link;
	struct sts_channel *channel;
	int fd;
	struct sts_watch *reading, *writing;
};

/* A query that c-ares has not answered yet. */
struct asked {
	TAILQ_ENTRY(asked) link;
	struct sts_channel *channel;
	enum sts_record_type type;
	sts_channel_replied *replied;
	void *arg;
};

struct sts_channel {
	struct sts_loop *loop;
	ares_channel ares;
	TAILQ_HEAD(, channel_socket) sockets;
	TAILQ_HEAD(, asked) asked;
	enum sts_status fault; /* why a socket could not be used, or STS_OK */
	bool closing;
	void (*progress)(void *arg);
	void *arg;
};

/*
 * c-ares 1.18 says ECONNREFUSED for SERVFAIL and REFUSED, 1.34 has a code for
 * each; all mean that the name server failed.  Only NODATA and NXDOMAIN say
 * that there is nothing.  EBADNAME is a name that the DNS cannot hold, and so
 * one that does not exist.
 */
static enum sts_status
status_of(int code)
{
	switch (code) {
	case ARES_SUCCESS:
		return STS_OK;
	case ARES_ENODATA:
		return STS_DNS_NODATA;
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return STS_DNS_NXDOMAIN;
	case ARES_EFORMERR:
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EREFUSED:
	case ARES_ECONNREFUSED:
	case ARES_EOF:
		return STS_DNS_SERVFAIL;
	case ARES_ETIMEOUT:
		return STS_DNS_TIMEOUT;
	case ARES_EBADRESP:
	case ARES_EBADSTR:
		return STS_DNS_BAD_REPLY;
	case ARES_ENOMEM:
		return STS_NO_MEMORY;
	default:
		return STS_INTERNAL;
	}
}

/*
 * Sockets.  Our own functions, since c-ares says "connection refused" where
 * there were no descriptors left; and since writing must not raise SIGPIPE.
 */

/* The first fault is kept: those that follow are mostly its consequence. */
static void
note_fault(struct sts_channel *channel, enum sts_status fault)
{
	if (fault != STS_OK && channel->fault == STS_OK)
		channel->fault = fault;
}

/* c-ares leaves it to these functions that a socket must not block. */
static ares_socket_t
open_socket(int family, int type, int protocol, void *arg)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int saved = errno;

	if (fd < 0)
		note_fault(arg, sts_fault_socket(saved, family));
	errno = saved;
	return fd;
}

static int
close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int
connect_socket(ares_socket_t fd, const struct sockaddr *address,
    ares_socklen_t len, void *arg)
{
	int rc = connect(fd, address, len);
	int saved = errno;

	/*
	 * EAGAIN: every local port is taken.  No route (ENETUNREACH) is the
	 * network's affair: the next server may be reachable.
	 */
	if (rc != 0 && saved != EINPROGRESS)
		note_fault(arg,
		    saved == EAGAIN ? STS_NO_DESCRIPTORS
				    : sts_fault_traffic(saved));
	errno = saved;
	return rc;
}

static ares_ssize_t
receive(ares_socket_t fd, void *buf, size_t size, int flags,
    struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	(void)arg;
	return recvfrom(fd, buf, size, flags, from, from_len);
}

static ares_ssize_t
send_vector(ares_socket_t fd, const struct iovec *vector, int count, void *arg)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)vector,
	    .msg_iovlen = (size_t)count};
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	int saved = errno;

	if (sent < 0)
		note_fault(arg, sts_fault_traffic(saved));
	errno = saved;
	return sent;
}

static const struct ares_socket_functions socket_functions = {
    open_socket, close_socket, connect_socket, receive, send_vector};

static void
socket_ready(struct channel_socket *s, bool reading, bool writing)
{
	struct sts_channel *channel = s->channel;
	int fd = s->fd;

	/* c-ares may close the socket, and free s, in here. */
	ares_process_fd(channel->ares, reading ? fd : ARES_SOCKET_BAD,
	    writing ? fd : ARES_SOCKET_BAD);
	channel->progress(channel->arg);
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
 * Without memory for a watch the query would run into its timeout, which must
 * not then be taken for a name server's silence.
 */
static void
set_watch(struct channel_socket *s, struct sts_watch **watch, bool wanted,
    bool writing)
{
	struct sts_loop *loop = s->channel->loop;

	if (!wanted) {
		sts_watch_stop(loop, *watch);
		*watch = NULL;
	} else if (*watch == NULL) {
		*watch = sts_watch_start(loop, s->fd, writing,
		    writing ? socket_writable : socket_readable, s);
		if (*watch == NULL)
			note_fault(s->channel, STS_NO_MEMORY);
	}
}

/* c-ares opens, uses, or (neither) is about to close a socket. */
static void
socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct sts_channel *channel = arg;
	struct channel_socket *s;

	TAILQ_FOREACH(s, &channel->sockets, link)
	{
		if (s->fd == fd)
			break;
	}
	if (s == NULL) {
		if (!readable && !writable)
			return;
		if ((s = calloc(1, sizeof(*s))) == NULL) {
			note_fault(channel, STS_NO_MEMORY);
			return;
		}
		s->channel = channel;
		s->fd = fd;
		TAILQ_INSERT_TAIL(&channel->sockets, s, link);
	}
	set_watch(s, &s->reading, readable != 0, false);
	set_watch(s, &s->writing, writable != 0, true);
	if (!readable && !writable) {
		TAILQ_REMOVE(&channel->sockets, s, link);
		free(s);
	}
}

/* Replies, copied out of c-ares' hands. */

void
sts_reply_free(struct sts_reply *reply)
{
	free(reply->bytes);
	free(reply->records);
	free(reply->hosts);
	free(reply->addresses);
	*reply = (struct sts_reply){.status = STS_DNS_TIMEOUT};
}

/* record_start tells a second record from a second string of the first. */
static bool
begins_record(const struct ares_txt_ext *list, const struct ares_txt_ext *t)
{
	return t == list || t->record_start;
}

/* RFC 8461 3.1: the strings of one record are joined without spaces. */
static enum sts_status
join_txt(struct sts_reply *reply, const struct ares_txt_ext *list)
{
	const struct ares_txt_ext *t;
	size_t bytes = 0, records = 0;
	struct sts_span *record = NULL;
	char *at;

	for (t = list; t != NULL; t = t->next) {
		bytes += t->length;
		records += begins_record(list, t);
	}
	if (records == 0)
		return STS_DNS_NODATA;
	if (bytes > WIRE_MAX)
		return STS_DNS_BAD_REPLY;
	reply->bytes = at = malloc(bytes + 1);
	reply->records = calloc(records, sizeof(*reply->records));
	if (reply->bytes == NULL || reply->records == NULL)
		return STS_NO_MEMORY;
	for (t = list; t != NULL; t = t->next) {
		if (begins_record(list, t)) {
			record = &reply->records[reply->count++];
			record->p = at;
		}
		memcpy(at, t->txt, t->length);
		record->len += t->length;
		at += t->length;
	}
	return STS_OK;
}

/*
 * The parser for the "ext" form: the plain one would give each string of a
 * record as if it were a record.  Lengths count, since a string may hold NUL.
 */
static enum sts_status
take_txt(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_txt_ext *list = NULL;
	int code = ares_parse_txt_reply_ext(wire, len, &list);
	enum sts_status status = status_of(code);

	if (status == STS_OK)
		status = join_txt(reply, list);
	if (list != NULL)
		ares_free_data(list);
	return status;
}

/* Lower case in ASCII, whatever the locale; false: too long for a name. */
static bool
copy_host(const char *from, char to[STS_NAME_MAX + 1])
{
	size_t len = strlen(from);

	if (len == 1 && from[0] == '.') /* the root, however written */
		len = 0;
	if (len > STS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z'
			? from[i] - 'A' + 'a'
			: from[i]);
	to[len] = '\0';
	return true;
}

/*
 * A host whose escaped form is too long for a name cannot be connected to and
 * is left out; where no other is there, that is a reply nobody can use.
 */
static enum sts_status
copy_mx(struct sts_reply *reply, const struct ares_mx_reply *list)
{
	const struct ares_mx_reply *m;
	size_t records = 0;

	for (m = list; m != NULL; m = m->next)
		records++;
	if (records == 0)
		return STS_DNS_NODATA;
	reply->hosts = calloc(records, sizeof(*reply->hosts));
	if (reply->hosts == NULL)
		return STS_NO_MEMORY;
	for (m = list; m != NULL; m = m->next) {
		struct sts_mx *host = &reply->hosts[reply->count];

		if (m->host == NULL || !copy_host(m->host, host->host))
			continue;
		host->preference = m->priority;
		reply->count++;
	}
	return reply->count > 0 ? STS_OK : STS_DNS_BAD_REPLY;
}

static enum sts_status
take_mx(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_mx_reply *list = NULL;
	int code = ares_parse_mx_reply(wire, len, &list);
	enum sts_status status = status_of(code);

	if (status == STS_OK)
		status = copy_mx(reply, list);
	if (list != NULL)
		ares_free_data(list);
	return status;
}

/* A reply of nothing but CNAMEs is a success with no address. */
static enum sts_status
take_a(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_addrttl found[STS_ADDRESSES_MAX];
	int count = STS_ADDRESSES_MAX;
	int code = ares_parse_a_reply(wire, len, NULL, found, &count);

	if (code != ARES_SUCCESS)
		return status_of(code);
	for (int i = 0; i < count; i++) {
		struct sockaddr_in *to = &reply->addresses[i].u.v4;

		to->sin_family = AF_INET;
		to->sin_addr = found[i].ipaddr;
		reply->count++;
	}
	return count > 0 ? STS_OK : STS_DNS_NODATA;
}

static enum sts_status
take_aaaa(struct sts_reply *reply, const unsigned char *wire, int len)
{
	struct ares_addr6ttl found[STS_ADDRESSES_MAX];
	int count = STS_ADDRESSES_MAX;
	int code = ares_parse_aaaa_reply(wire, len, NULL, found, &count);

	if (code != ARES_SUCCESS)
		return status_of(code);
	for (int i = 0; i < count; i++) {
		struct sockaddr_in6 *to = &reply->addresses[i].u.v6;

		to->sin6_family = AF_INET6;
		memcpy(
		    &to->sin6_addr, &found[i].ip6addr, sizeof(to->sin6_addr));
		reply->count++;
	}
	return count > 0 ? STS_OK : STS_DNS_NODATA;
}

static enum sts_status
take_addresses(struct sts_reply *reply, enum sts_record_type type,
    const unsigned char *wire, int len)
{
	reply->addresses = calloc(STS_ADDRESSES_MAX, sizeof(*reply->addresses));
	if (reply->addresses == NULL)
		return STS_NO_MEMORY;
	return type == STS_TYPE_A ? take_a(reply, wire, len)
				  : take_aaaa(reply, wire, len);
}

/*
 * c-ares calls this once for each query, also out of ares_query and, for those
 * still under way, out of ares_destroy.
 */
static void
answered(void *arg, int code, int timeouts, unsigned char *wire, int len)
{
	struct asked *asked = arg;
	struct sts_channel *channel = asked->channel;
	struct sts_reply reply = {.status = status_of(code)};

	(void)timeouts;
	TAILQ_REMOVE(&channel->asked, asked, link);
	if (channel->closing)
		goto out;
	if (reply.status == STS_OK && asked->type == STS_TYPE_TXT)
		reply.status = take_txt(&reply, wire, len);
	else if (reply.status == STS_OK && asked->type == STS_TYPE_MX)
		reply.status = take_mx(&reply, wire, len);
	else if (reply.status == STS_OK)
		reply.status = take_addresses(&reply, asked->type, wire, len);
	if (reply.status != STS_OK)
		reply.count = 0;
	asked->replied(asked->arg, &reply);
out:
	sts_reply_free(&reply);
	free(asked);
}

/* The channel. */

/*
 * Everything that resolv.conf(5) or its environment could say besides the
 * servers is set here.
 */
static int
open_ares(struct sts_channel *channel, const char *servers, int attempt_ms)
{
	struct in_addr placeholder = {htonl(INADDR_LOOPBACK)};
	char lookups[] = "b"; /* DNS only */
	struct ares_options options = {
	    .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
	    .timeout = attempt_ms,
	    .tries = TRIES,
	    .ndots = 1,
	    .lookups = lookups,
	    .sock_state_cb = socket_state,
	    .sock_state_cb_data = channel,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_NDOTS | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
	    ARES_OPT_SORTLIST | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
	int code;

	/* 1.34 would keep answers for up to an hour. */
#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	if (servers != NULL) {
		/* Spares reading resolv.conf; replaced below. */
		options.servers = &placeholder;
		options.nservers = 1;
		mask |= ARES_OPT_SERVERS;
	}
	code = ares_init_options(&channel->ares, &options, mask);
	if (code != ARES_SUCCESS) {
		channel->ares = NULL;
		return code;
	}
	ares_set_socket_functions(channel->ares, &socket_functions, channel);
	if (servers != NULL)
		code = ares_set_servers_ports_csv(channel->ares, servers);
	return code;
}

enum sts_status
sts_channel_open(struct sts_channel **out, struct sts_loop *loop,
    const char *servers, int attempt_ms, void (*progress)(void *arg), void *arg)
{
	struct sts_channel *channel = calloc(1, sizeof(*channel));
	enum sts_status status;

	*out = NULL;
	if (channel == NULL)
		return STS_NO_MEMORY;
	channel->loop = loop;
	channel->progress = progress;
	channel->arg = arg;
	TAILQ_INIT(&channel->sockets);
	TAILQ_INIT(&channel->asked);
	status = status_of(open_ares(channel, servers, attempt_ms));
	if (status == STS_OK)
		*out = channel;
	else
		sts_channel_close(channel);
	return status;
}

void
sts_channel_close(struct sts_channel *channel)
{
	struct channel_socket *s;

	if (channel == NULL)
		return;
	channel->closing = true;
	if (channel->ares != NULL)
		ares_destroy(channel->ares);
	while ((s = TAILQ_FIRST(&channel->sockets)) != NULL) {
		sts_watch_stop(channel->loop, s->reading);
		sts_watch_stop(channel->loop, s->writing);
		TAILQ_REMOVE(&channel->sockets, s, link);
		free(s);
	}
	free(channel);
}

bool
sts_channel_ask(struct sts_channel *channel, const char *name,
    enum sts_record_type type, sts_channel_replied *replied, void *arg)
{
	static const int types[] = {[STS_TYPE_TXT] = ns_t_txt,
	    [STS_TYPE_MX] = ns_t_mx,
	    [STS_TYPE_A] = ns_t_a,
	    [STS_TYPE_AAAA] = ns_t_aaaa};
	struct asked *asked = calloc(1, sizeof(*asked));

	if (asked == NULL)
		return false;
	asked->channel = channel;
	asked->type = type;
	asked->replied = replied;
	asked->arg = arg;
	TAILQ_INSERT_TAIL(&channel->asked, asked, link);
	ares_query(channel->ares, name, ns_c_in, types[type], answered, asked);
	return true;
}

enum sts_status
sts_channel_fault(const struct sts_channel *channel)
{
	return channel->fault;
}

int64_t
sts_channel_next_ms(struct sts_channel *channel)
{
	struct timeval tv, *next = ares_timeout(channel->ares, NULL, &tv);

	if (next == NULL)
		return INT64_MAX;
	/* Rounded up: early is too early for c-ares. */
	return (int64_t)next->tv_sec * 1000 + next->tv_usec / 1000 + 1;
}

void
sts_channel_retry(struct sts_channel *channel)
{
	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

enum sts_status
sts_channel_library_start(void)
{
	return status_of(ares_library_init(ARES_LIB_INIT_ALL));
}

void
sts_channel_library_stop(void)
{
	ares_library_cleanup();
}
