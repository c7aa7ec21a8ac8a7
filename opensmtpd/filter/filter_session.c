/* SPDX-License-Identifier: ISC */
/*
 * Incoming sessions: the clients that the filter acts for.
 *
 * smtpd asks its filters about a recipient before it checks whether the client
 * may relay.  On a public listener the filter would look up any name that an
 * untrusted client sends, and keep the client waiting; so it acts only for
 * clients that may relay: this machine, authenticated ones, and the operator's
 * networks.
 */
#include "opensmtpd/filter/filter.h"

#include <stdlib.h>
#include <string.h>

struct sts_session *
sts_session_find(const struct sts_filter *f, uint64_t id)
{
	return sts_hashmap_find(&f->sessions, id);
}

/* A client that connects from an address to itself is this machine. */
static bool
is_local(struct sts_filter *f, const char *source, const char *destination)
{
	struct sts_network from, to;

	if (!sts_endpoint_parse(source, &from))
		return false;
	if (sts_endpoint_parse(destination, &to) && from.family == to.family &&
	    memcmp(from.bytes, to.bytes, sizeof(from.bytes)) == 0)
		return true;
	return sts_networks_have(&f->networks, &from);
}

void
sts_session_connect(struct sts_filter *f, uint64_t id, const char *source,
    const char *destination)
{
	struct sts_session *s = sts_session_find(f, id);

	/* Without memory for a session, its client counts as untrusted. */
	if (s == NULL) {
		if (f->sessions.count >= STS_SESSIONS_MAX ||
		    (s = calloc(1, sizeof(*s))) == NULL)
			return;
		sts_hashmap_insert(&f->sessions, &s->node, id);
	}
	s->socket = sts_endpoint_is_socket(source);
	s->ours = s->socket || is_local(f, source, destination);
	s->held_ms = 0;
}

void
sts_session_authenticated(struct sts_filter *f, uint64_t id)
{
	struct sts_session *s = sts_session_find(f, id);

	if (s != NULL)
		s->ours = true;
}

void
sts_session_begin(struct sts_filter *f, uint64_t id)
{
	struct sts_session *s = sts_session_find(f, id);

	if (s != NULL)
		s->held_ms = 0;
}

void
sts_session_end(struct sts_filter *f, uint64_t id)
{
	struct sts_session *s = sts_session_find(f, id);

	if (s == NULL)
		return;
	sts_hashmap_remove(&f->sessions, &s->node);
	free(s);
}
