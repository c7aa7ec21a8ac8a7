/* SPDX-License-Identifier: ISC */
/*
 * A channel to the name servers: the only file that knows c-ares.
 *
 * Each question has a channel of its own.  So it has its own source port (a
 * forger must guess it), its own timeouts, can be cancelled alone, reads a
 * changed /etc/resolv.conf, shares no cache, and a socket that could not be
 * opened is known to be its own.
 */
#ifndef STS_DNS_CHANNEL_H
#define STS_DNS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"

struct sts_channel;

enum sts_record_type { STS_TYPE_TXT, STS_TYPE_MX, STS_TYPE_A, STS_TYPE_AAAA };

/*
 * One reply: of the arrays the one that fits the type, with `count` members;
 * all are its own.  The status is as in dns.h.
 */
struct sts_reply {
	enum sts_status status;
	size_t count;
	char *bytes; /* what the records point into */
	struct sts_span *records;
	struct sts_mx *hosts; /* in no order */
	struct sts_address *addresses;
};

/* Frees the arrays and empties the reply. */
void sts_reply_free(struct sts_reply *reply);

/* The reply is freed after the call; who wants to keep it empties it. */
typedef void sts_channel_replied(void *arg, struct sts_reply *reply);

/*
 * Opens a channel to the servers (as sts_nameserver_list has them; NULL: the
 * system's), which are used only in this call; attempt_ms is how long one of
 * them has for a first answer (twice that in the second round, and so on, for
 * three rounds).  `progress` is called after anything happened on a socket,
 * and may not close the channel.  STS_NO_MEMORY, STS_INTERNAL, STS_CONFIG.
 */
enum sts_status sts_channel_open(struct sts_channel **channel,
    struct sts_loop *loop, const char *servers, int attempt_ms,
    void (*progress)(void *arg), void *arg);

/* Ends what is under way without calling back; NULL is allowed. */
void sts_channel_close(struct sts_channel *channel);

/*
 * Asks.  `replied` is called once, possibly before this returns, and may not
 * close the channel.  False: no memory, and no call.
 */
bool sts_channel_ask(struct sts_channel *channel, const char *name,
    enum sts_record_type type, sts_channel_replied *replied, void *arg);

/* The local fault that kept a socket from being used, or STS_OK. */
enum sts_status sts_channel_fault(const struct sts_channel *channel);

/* Milliseconds until sts_channel_retry is due; INT64_MAX: never. */
int64_t sts_channel_next_ms(struct sts_channel *channel);
void sts_channel_retry(struct sts_channel *channel);

/* c-ares itself; counted, one stop for each start that succeeded. */
enum sts_status sts_channel_library_start(void);
void sts_channel_library_stop(void);

#endif
