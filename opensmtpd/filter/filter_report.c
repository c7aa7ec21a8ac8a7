/* SPDX-License-Identifier: ISC */
/*
 * Connections, counted as Postfix counts them: one outcome for each new one in
 * which EHLO was answered, none for what it is used for later.
 *
 * A session of smtpd is a connection but in one case: where opportunistic TLS
 * fails, it connects again under the same id, in clear text, and link-connect
 * comes twice without a disconnect.  The first connection is the one that
 * counts, and the second names its domain.
 *
 * The first RCPT names the domain, whatever the host answers: tx-rcpt comes for
 * accepted recipients only.  Connections are shared by the domains of a host,
 * and the first one has it.  A connection for one of our own reports does not
 * count, or two hosts would report to each other for ever.
 */
#include "opensmtpd/filter/filter_report.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cursor.h"
#include "core/domain.h"
#include "opensmtpd/delivery_log.h"
#include "opensmtpd/last_hosts.h"

enum { HELO_MAX = 127 };

struct sts_connection {
	struct sts_hashmap_node node;
	struct sts_connection *older, *newer;
	struct sts_dialogue dialogue;
	/* Of the connection before this one, under the same id. */
	enum sts_session_class failed;
	bool over; /* counted, or not to be counted */
	int64_t time, connected_ms;
	char receiving_ip[STS_OUTCOME_IP_MAX + 1];
	char sending_ip[STS_OUTCOME_IP_MAX + 1];
	char helo[HELO_MAX + 1]; /* the name in the greeting */
};

void
sts_report_begin(struct sts_filter *f)
{
	if (f->reporter != NULL || !sts_config_reports(&f->config) ||
	    (f->reporter = calloc(1, sizeof(*f->reporter))) == NULL)
		return;
	sts_shared_file_init(
	    &f->reporter->hosts, &f->config, STS_LAST_HOSTS_FILE, false);
}

static struct sts_connection *
find(const struct sts_filter *f, uint64_t id)
{
	return f->reporter != NULL
	    ? sts_hashmap_find(&f->reporter->connections, id)
	    : NULL;
}

static void
unlink_connection(struct sts_reporter *r, struct sts_connection *c)
{
	if (c->older != NULL)
		c->older->newer = c->newer;
	else
		r->oldest = c->newer;
	if (c->newer != NULL)
		c->newer->older = c->older;
	else
		r->newest = c->older;
}

static void
link_connection(struct sts_reporter *r, struct sts_connection *c)
{
	c->older = r->newest;
	c->newer = NULL;
	if (r->newest != NULL)
		r->newest->newer = c;
	else
		r->oldest = c;
	r->newest = c;
}

static void
forget(struct sts_reporter *r, struct sts_connection *c)
{
	sts_hashmap_remove(&r->connections, &c->node);
	unlink_connection(r, c);
	free(c);
}

/* A connection that never ends makes room, in its turn. */
static struct sts_connection *
create(struct sts_reporter *r, uint64_t id)
{
	struct sts_connection *c;

	if (r->connections.count >= STS_DIALOGUES_MAX)
		forget(r, r->oldest);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	sts_hashmap_insert(&r->connections, &c->node, id);
	link_connection(r, c);
	return c;
}

static enum sts_session_class
class_of(const struct sts_connection *c)
{
	return c->failed != STS_SESSION_NONE ? c->failed
					     : sts_dialogue_class(&c->dialogue);
}

/* Once: the domain is the first recipient's, or what the address says. */
static void
count(struct sts_filter *f, struct sts_connection *c, const char *domain)
{
	enum sts_session_class class = class_of(c);
	struct sts_outcome o = {.time = c->time};

	c->over = true;
	if (class == STS_SESSION_NONE)
		return;
	if (domain != NULL)
		memcpy(o.domain, domain, strlen(domain) + 1);
	else if (sts_report_domain_find(
		     f, c->receiving_ip, c->connected_ms, o.domain, o.mx))
		sts_copy_head(o.additional,
		    "domain: last lookup at this address",
		    sizeof(o.additional));
	else
		return;
	memcpy(o.receiving_ip, c->receiving_ip, sizeof(o.receiving_ip));
	memcpy(o.sending_ip, c->sending_ip, sizeof(o.sending_ip));
	memcpy(o.helo, c->helo, sizeof(c->helo));
	sts_settle(f, &o, class);
}

/* The canonical text of an end of the connection; "" if it is none. */
static void
address_of(const char *endpoint, char text[STS_OUTCOME_IP_MAX + 1])
{
	struct sts_network n;

	text[0] = '\0';
	if (sts_endpoint_parse(endpoint, &n))
		(void)inet_ntop(
		    n.family, n.bytes, text, STS_OUTCOME_IP_MAX + 1);
}

/* MX hosts are on port 25, and elsewhere: no relay of ours, or scanner. */
static bool
is_mx(struct sts_filter *f, const char *endpoint)
{
	const char *port = strrchr(endpoint, ':');
	struct sts_network n;

	return port != NULL && strcmp(port, ":25") == 0 &&
	    sts_endpoint_parse(endpoint, &n) &&
	    !sts_networks_have(&f->networks, &n);
}

/*
 * The same id once more.  True for the retry in clear text, after which the
 * connection before it still counts.
 */
static bool
is_retry(struct sts_filter *f, struct sts_connection *c, const char *address)
{
	enum sts_session_class class = class_of(c);

	if (strcmp(c->receiving_ip, address) == 0 && !c->over &&
	    (class == STS_SESSION_REFUSED || class == STS_SESSION_BROKEN ||
		class == STS_SESSION_DISTRUSTED)) {
		c->failed = class;
		return true;
	}
	if (!c->over)
		count(f, c, NULL);
	c->failed = STS_SESSION_NONE;
	return false;
}

static void
begin(struct sts_filter *f, struct sts_connection *c, const char *source,
    const char *destination)
{
	c->helo[0] = '\0';
	c->time = (int64_t)time(NULL);
	c->connected_ms = sts_delivery_log_now();
	address_of(source, c->sending_ip);
	address_of(destination, c->receiving_ip);
	c->over = !is_mx(f, destination);
}

void
sts_report_connect(struct sts_filter *f, uint64_t id, const char *source,
    const char *destination)
{
	struct sts_connection *c = find(f, id);
	char address[STS_OUTCOME_IP_MAX + 1];
	bool retry = false;

	if (f->reporter == NULL)
		return;
	address_of(destination, address);
	if (c != NULL) {
		retry = is_retry(f, c, address);
		unlink_connection(f->reporter, c);
		link_connection(f->reporter, c);
	} else if ((c = create(f->reporter, id)) == NULL)
		return;
	memset(&c->dialogue, 0, sizeof(c->dialogue));
	if (!retry)
		begin(f, c, source, destination);
}

/* Up to the ">" that is not in a quoted local part; all, if there is none. */
static struct sts_span
until_angle(struct sts_cursor c)
{
	struct sts_span s = {c.p, 0};
	bool quoted = false;
	int byte;

	while ((byte = sts_cursor_peek(&c)) >= 0 && (quoted || byte != '>')) {
		(void)sts_cursor_byte(&c, (char)byte);
		if (byte == '"')
			quoted = !quoted;
		else if (byte == '\\')
			(void)sts_cursor_byte(&c, (char)sts_cursor_peek(&c));
	}
	s.len = (size_t)(c.p - s.p);
	return s;
}

/* "MAIL FROM:<A>..." gives A; false for another command, or no address. */
static bool
address_after(struct sts_span line, const char *command, char *out, size_t size)
{
	struct sts_cursor c = sts_cursor_make(line.p, line.len);
	size_t len = strlen(command);

	if (line.len < len || strncasecmp(line.p, command, len) != 0)
		return false;
	c.p += len;
	return sts_cursor_byte(&c, '<') &&
	    sts_span_copy(until_angle(c), out, size);
}

/* Whether a MAIL FROM names the sender of our reports; false: another line. */
static bool
is_sender(const struct sts_filter *f, struct sts_span line, bool *is_report)
{
	const char *own = f->config.report_from != NULL ? f->config.report_from
							: f->config.contact;
	char sender[STS_LINE_MAX + 1];

	if (!address_after(line, "MAIL FROM:", sender, sizeof(sender)))
		return false;
	*is_report = own != NULL && strcasecmp(sender, own) == 0;
	return true;
}

void
sts_report_client(struct sts_filter *f, uint64_t id, struct sts_span line)
{
	struct sts_connection *c = find(f, id);
	char rcpt[STS_LINE_MAX + 1], name[STS_LINE_MAX + 1];
	char domain[STS_NAME_MAX + 1];
	bool is_report = false;

	if (is_sender(f, line, &is_report))
		sts_relay_sender(f, id, is_report);
	if (c == NULL || c->over)
		return;
	sts_dialogue_client(&c->dialogue, line);
	if (is_report)
		c->over = true;
	else if (address_after(line, "RCPT TO:", rcpt, sizeof(rcpt)) &&
	    sts_recipient_domain(rcpt, name, sizeof(name)) &&
	    sts_domain_normalise(name, domain) == STS_OK)
		count(f, c, domain);
}

/* "220 NAME ...", "220-NAME ..." */
static void
hear_greeting(struct sts_connection *c, struct sts_span line)
{
	struct sts_cursor at = sts_cursor_make(line.p, line.len);
	struct sts_span name;

	if (c->helo[0] != '\0' || !sts_cursor_literal(&at, "220") ||
	    !(sts_cursor_byte(&at, ' ') || sts_cursor_byte(&at, '-')) ||
	    !sts_cursor_until(&at, ' ', &name))
		return;
	(void)sts_span_copy(name, c->helo, sizeof(c->helo));
}

void
sts_report_server(struct sts_filter *f, uint64_t id, struct sts_span line)
{
	struct sts_connection *c = find(f, id);

	if (c == NULL || c->over)
		return;
	if (c->dialogue.state == STS_DIALOGUE_CONNECTED)
		hear_greeting(c, line);
	sts_dialogue_server(&c->dialogue, line);
}

void
sts_report_tls(struct sts_filter *f, uint64_t id)
{
	struct sts_connection *c = find(f, id);

	if (c != NULL)
		sts_dialogue_tls(&c->dialogue);
}

void
sts_report_end(struct sts_filter *f, uint64_t id)
{
	struct sts_connection *c = find(f, id);

	if (c == NULL)
		return;
	if (!c->over)
		count(f, c, NULL);
	forget(f->reporter, c);
}

void
sts_report_expect(struct sts_filter *f, const struct sts_domain_state *known)
{
	if (f->reporter == NULL || !known->wants_reports)
		return;
	sts_report_domain_note(f->reporter, known->domain);
	if (known->routes_status != STS_OK || !known->routes_fresh)
		(void)sts_worker_ask(
		    f->worker, STS_WORKER_ROUTES, known->domain);
}
