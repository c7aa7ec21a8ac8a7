/* SPDX-License-Identifier: ISC */
#include "fetcher/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/domain.h"
#include "dns/dns.h"
#include "fetcher/internal.h"
#include "fetcher/multi.h"
#include "fetcher/transfer.h"
#include "fetcher/trust.h"

enum { LIBCURL_MIN = 0x075500 }; /* 7.85.0 */

struct sts_fetch {
	TAILQ_ENTRY(sts_fetch) link;
	struct sts_fetcher *fetcher;
	sts_fetch_done *done;
	void *arg;
	char host[STS_NAME_MAX + 1];
	uint16_t port;
	int64_t timeout_ms;
	X509_STORE *store;
	struct sts_dns_query *question; /* while addresses are looked up */
	struct sts_transfer *transfer;  /* after that */
	struct sts_timer timer;         /* for an end that came at once */
	struct sts_fetch_result result;
};

/*
 * From here on nothing can happen to the fetch any more, so that the callback
 * may do as it likes; the result stays until discard.
 */
static void
release(struct sts_fetch *fetch)
{
	struct sts_fetcher *fetcher = fetch->fetcher;

	sts_timer_clear(fetcher->loop, &fetch->timer);
	sts_dns_cancel(fetch->question);
	if (fetch->transfer != NULL)
		sts_multi_remove(fetcher->multi, fetch->transfer->easy);
	TAILQ_REMOVE(&fetcher->fetches, fetch, link);
}

static void
discard(struct sts_fetch *fetch)
{
	sts_transfer_free(fetch->transfer);
	X509_STORE_free(fetch->store);
	free(fetch);
}

static void
finish(struct sts_fetch *fetch, enum sts_status status, const char *detail)
{
	struct sts_fetch_result *result = &fetch->result;

	release(fetch);
	result->status = status;
	(void)strlcpy(result->detail, detail, sizeof(result->detail));
	if (status == STS_OK) {
		result->body = fetch->transfer->body;
		result->body_len = fetch->transfer->body_len;
	}
	fetch->done(fetch->arg, result);
	discard(fetch);
}

/* The addresses a stranger may make us connect to, at most as many as fit. */
static size_t
select_addresses(const struct sts_config *config,
    const struct sts_address *found, size_t count,
    struct sts_address out[STS_TRANSFER_ADDRESSES])
{
	size_t kept = 0;

	for (size_t i = 0; i < count && kept < STS_TRANSFER_ADDRESSES; i++) {
		if (config->allow_private || !sts_address_is_private(&found[i]))
			out[kept++] = found[i];
	}
	return kept;
}

/* Trust roots were loaded before the addresses were asked for. */
static enum sts_status
start_transfer(
    struct sts_fetch *fetch, const struct sts_address *addresses, size_t count)
{
	struct sts_fetcher *fetcher = fetch->fetcher;
	struct sts_transfer *transfer;
	struct sts_transfer_spec spec = {
	    .host = fetch->host,
	    .port = fetch->port,
	    .addresses = addresses,
	    .count = count,
	    .timeout_ms = fetch->timeout_ms,
	    .store = fetch->store,
	    .sample_root = sts_trust_sample(fetcher->trust),
	};
	enum sts_status status = sts_transfer_create(&transfer, &spec);

	if (status != STS_OK)
		return status;
	if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, fetch) !=
	    CURLE_OK) {
		sts_transfer_free(transfer);
		return STS_INTERNAL;
	}
	status = sts_multi_add(fetcher->multi, transfer->easy);
	if (status != STS_OK) {
		sts_transfer_free(transfer);
		return status;
	}
	fetch->transfer = transfer;
	return STS_OK;
}

/*
 * A host that has no address and one whose address is not known are different
 * failures of the fetch; a fault of this machine is neither.
 */
static void
addresses_found(void *arg, enum sts_status status,
    const struct sts_address *found, size_t count)
{
	struct sts_fetch *fetch = arg;
	struct sts_address chosen[STS_TRANSFER_ADDRESSES];
	const char *detail = sts_status_text(status);

	fetch->question = NULL;
	if (status == STS_OK) {
		count = select_addresses(
		    fetch->fetcher->config, found, count, chosen);
		status = count > 0 ? start_transfer(fetch, chosen, count)
				   : STS_FETCH_PRIVATE;
		if (status != STS_OK)
			finish(fetch, status, "");
		return;
	}
	if (status == STS_DNS_NXDOMAIN || status == STS_DNS_NODATA)
		status = STS_FETCH_NO_ADDRESS;
	else if (!sts_status_is_local(status))
		status = STS_FETCH_DNS;
	finish(fetch, status, detail);
}

/* Never from sts_fetch_start itself: its caller has no pointer yet. */
static void
end_at_once(void *arg)
{
	struct sts_fetch *fetch = arg;

	finish(fetch, fetch->result.status, "");
}

struct sts_fetch *
sts_fetch_start(struct sts_fetcher *fetcher, const char *domain, uint16_t port,
    int64_t dns_timeout_ms, int64_t fetch_timeout_ms, sts_fetch_done *done,
    void *arg)
{
	struct sts_fetch *fetch = calloc(1, sizeof(*fetch));
	enum sts_status status = STS_INTERNAL;

	if (fetch == NULL)
		return NULL;
	fetch->fetcher = fetcher;
	fetch->done = done;
	fetch->arg = arg;
	fetch->port = port;
	fetch->timeout_ms = fetch_timeout_ms;
	TAILQ_INSERT_TAIL(&fetcher->fetches, fetch, link);
	/* What is no domain name could change the meaning of a URL. */
	if (sts_domain_is_normalised(domain))
		status = sts_trust_get(fetcher->trust, &fetch->store);
	if (status == STS_OK &&
	    snprintf(fetch->host, sizeof(fetch->host), "mta-sts.%s", domain) >=
		(int)sizeof(fetch->host))
		status = STS_FETCH_NO_ADDRESS;
	if (status == STS_OK) {
		fetch->question = sts_dns_address(fetcher->dns, fetch->host,
		    dns_timeout_ms, addresses_found, fetch);
		if (fetch->question == NULL)
			status = STS_NO_MEMORY;
	}
	fetch->result.status = status;
	if (status != STS_OK)
		sts_timer_set(
		    fetcher->loop, &fetch->timer, 0, end_at_once, fetch);
	return fetch;
}

void
sts_fetch_cancel(struct sts_fetch *fetch)
{
	if (fetch == NULL)
		return;
	release(fetch);
	discard(fetch);
}

void
sts_fetch_ended(void *arg, CURLcode code)
{
	struct sts_fetch *fetch = arg;
	enum sts_status status = sts_transfer_outcome(fetch->transfer, code);

	finish(fetch, status, fetch->transfer->detail);
}

/* Those that only now begin are not libcurl's yet, and may fare better. */
void
sts_fetch_fail_all(void *arg, enum sts_status status)
{
	struct sts_fetcher *fetcher = arg;
	struct sts_fetch *fetch;

	TAILQ_FOREACH(fetch, &fetcher->fetches, link)
	{
		if (fetch->transfer == NULL)
			continue;
		fetch->result.status = status;
		sts_timer_set(
		    fetcher->loop, &fetch->timer, 0, end_at_once, fetch);
	}
}

void
sts_fetch_close(struct sts_fetcher *fetcher)
{
	struct sts_fetch *fetch;

	while ((fetch = TAILQ_FIRST(&fetcher->fetches)) != NULL)
		sts_fetch_cancel(fetch);
}

/*
 * libcurl can be built with several TLS libraries; those not in use stand in
 * parentheses: "(GnuTLS/3.7.9) OpenSSL/3.0.15".
 */
static bool
uses_openssl(const char *backends)
{
	const char *at = backends;

	while (at != NULL && *at != '\0') {
		if (strncmp(at, "OpenSSL/", 8) == 0)
			return true;
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return false;
}

enum sts_status
sts_fetch_check_library(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	if (info->version_num < LIBCURL_MIN) {
		sts_log(STS_LOG_ERROR, NULL,
		    "event=library libcurl=%s reason=too_old needed=7.85.0",
		    info->version);
		return STS_INTERNAL;
	}
	if (!uses_openssl(info->ssl_version)) {
		sts_log(STS_LOG_ERROR, NULL,
		    "event=library libcurl=%s tls=%s reason=wrong_tls_library "
		    "needed=OpenSSL",
		    info->version,
		    info->ssl_version != NULL ? info->ssl_version : "none");
		return STS_INTERNAL;
	}
	return STS_OK;
}
