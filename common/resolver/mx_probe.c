/* SPDX-License-Identifier: ISC */
#include "resolver/mx_probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/cursor.h"
#include "core/domain.h"

struct sts_mx_probe {
	const struct sts_fetch_context *context;
	sts_mx_probe_done *done;
	void *arg;
	bool (*allow)(void *arg, const char *address);
	char host[STS_NAME_MAX + 1];
	uint16_t port;
	int64_t end_ms;
	unsigned long stalls;           /* of the loop, when it began */
	struct sts_dns_query *question; /* while addresses are looked up */
	struct sts_address addresses[STS_MX_PROBE_ADDRESSES];
	size_t count, next;
	struct sts_fetcher_request *asked; /* of the address before `next` */
	struct sts_timer timer;            /* for an immediate end */
	struct sts_mx_probe_result result;
};

static void
release(struct sts_mx_probe *p)
{
	sts_timer_clear(p->context->loop, &p->timer);
	sts_dns_cancel(p->question);
	sts_fetcher_cancel(p->asked);
}

static void
report(void *arg)
{
	struct sts_mx_probe *p = arg;

	release(p);
	p->done(p->arg, &p->result);
	free(p);
}

/* Ends it from its own start, which must not call back. */
static void
end_soon(struct sts_mx_probe *p, enum sts_status status)
{
	p->result.status = status;
	sts_timer_set(p->context->loop, &p->timer, 0, report, p);
}

/*
 * Which of two results counts: the one that got further, from no connection
 * over SMTP to TLS.  A local ban on IPv6 counts less than any result over IPv4;
 * a ban on IPv4 means that the host was not probed.
 */
static int
reach(enum sts_status status, const char *address)
{
	switch (status) {
	case STS_TOO_SOON:
		return 0;
	case STS_NETWORK:
		return strchr(address, ':') != NULL ? 1 : 5;
	case STS_MX_CONNECT:
	case STS_MX_TIMEOUT:
		return 2;
	case STS_MX_GREETING:
	case STS_MX_SMTP:
		return 3;
	default:
		return 4;
	}
}

static void
note(struct sts_mx_probe *p, enum sts_status status,
    const struct sts_address *address, const char *detail)
{
	char text[STS_MX_PROBE_ADDRESS_TEXT];

	(void)sts_address_text(address, text);
	if (status != STS_OK &&
	    reach(status, text) <= reach(p->result.status, p->result.address))
		return;
	p->result.status = status;
	sts_copy_head(p->result.address, text, sizeof(p->result.address));
	sts_copy_head(p->result.detail, detail, sizeof(p->result.detail));
}

static void next_address(struct sts_mx_probe *p);

/* smtpd tries all addresses in one attempt: one that works is enough. */
static void
replied(void *arg, const struct sts_wire_reply *reply, const char *body)
{
	struct sts_mx_probe *p = arg;
	enum sts_status status = reply->status;

	(void)body;
	p->asked = NULL;
	/* Its time did not pass while this process was stopped. */
	if (status == STS_MX_TIMEOUT &&
	    sts_loop_stalls(p->context->loop) != p->stalls)
		status = STS_RESOLVER_TIMEOUT;
	note(p, status, &p->addresses[p->next - 1], reply->detail);
	if (status == STS_OK ||
	    (status != STS_NETWORK && sts_status_is_local(status))) {
		p->result.status = status;
		report(p);
	} else
		next_address(p);
}

/*
 * Like smtpd, tries the addresses in the order of the DNS, one after the other.
 * A silent one leaves half of the time to the next.
 */
static int64_t
time_for_next(const struct sts_mx_probe *p)
{
	int64_t left = p->end_ms - sts_monotonic_ms();

	return p->next + 1 < p->count ? left / 2 : left;
}

/* Checked as late as possible, since the other address may be enough. */
static bool
is_allowed(struct sts_mx_probe *p, const struct sts_address *address)
{
	char text[STS_MX_PROBE_ADDRESS_TEXT];

	return p->allow == NULL ||
	    p->allow(p->arg, sts_address_text(address, text));
}

static void
next_address(struct sts_mx_probe *p)
{
	struct sts_wire_request request = {
	    .kind = STS_WIRE_PROBE, .port = p->port, .count = 1};
	int64_t left;

	while (p->next < p->count && !is_allowed(p, &p->addresses[p->next]))
		p->next++;
	if (p->next == p->count) {
		report(p);
		return;
	}
	left = time_for_next(p);
	request.timeout_ms = left > 0 ? left : 1;
	request.addresses[0] = p->addresses[p->next];
	sts_copy_head(request.host, p->host, sizeof(request.host));
	p->next++;
	p->asked = sts_fetcher_ask(p->context->fetcher, &request, replied, p);
	if (p->asked == NULL) {
		p->result.status = STS_NO_MEMORY;
		report(p);
	}
}

/*
 * A domain's MX record decides where the probe connects; it must not lead into
 * this machine's own network.
 */
static void
addresses_found(void *arg, enum sts_status status,
    const struct sts_address *found, size_t count)
{
	struct sts_mx_probe *p = arg;
	bool allow_private = p->context->config->allow_private;

	p->question = NULL;
	for (size_t i = 0;
	     status == STS_OK && i < count && p->count < STS_MX_PROBE_ADDRESSES;
	     i++) {
		if (allow_private || !sts_address_is_private(&found[i]))
			p->addresses[p->count++] = found[i];
	}
	if (p->count > 0) {
		/* Remains if none of them is allowed. */
		p->result.status = STS_TOO_SOON;
		next_address(p);
		return;
	}
	sts_copy_head(p->result.detail, sts_status_text(status),
	    sizeof(p->result.detail));
	if (status == STS_OK)
		status = STS_MX_PRIVATE;
	else if (status == STS_DNS_NXDOMAIN || status == STS_DNS_NODATA)
		status = STS_MX_NO_ADDRESS;
	else if (!sts_status_is_local(status))
		status = STS_MX_DNS;
	p->result.status = status;
	report(p);
}

struct sts_mx_probe *
sts_mx_probe_start(const struct sts_fetch_context *context,
    const struct sts_mx_probe_spec *spec, sts_mx_probe_done *done, void *arg)
{
	struct sts_mx_probe *p = calloc(1, sizeof(*p));
	enum sts_status status = STS_INTERNAL;

	if (p == NULL)
		return NULL;
	p->context = context;
	p->done = done;
	p->arg = arg;
	p->allow = spec->allow;
	p->port = spec->port;
	p->end_ms = sts_monotonic_ms() + spec->timeout_ms;
	p->stalls = sts_loop_stalls(context->loop);
	/* Checked, since it is used in SMTP and in SNI. */
	if (sts_domain_is_normalised(spec->host)) {
		sts_copy_head(p->host, spec->host, sizeof(p->host));
		p->question = sts_dns_address(context->dns, p->host,
		    spec->dns_timeout_ms, addresses_found, p);
		status = p->question != NULL ? STS_OK : STS_NO_MEMORY;
	}
	if (status != STS_OK)
		end_soon(p, status);
	return p;
}

void
sts_mx_probe_cancel(struct sts_mx_probe *probe)
{
	if (probe == NULL)
		return;
	release(probe);
	free(probe);
}
