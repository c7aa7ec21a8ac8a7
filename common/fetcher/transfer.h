/* SPDX-License-Identifier: ISC */
/*
 * One HTTPS transfer through libcurl: a policy, under every rule of RFC 8461
 * 3.3, or a report that is posted, RFC 8460 5.4.
 */
#ifndef STS_FETCHER_TRANSFER_H
#define STS_FETCHER_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/config.h"
#include "dns/address.h"
#include "fetcher/verify.h"
#include "fetcher/wire.h"

enum {
	/* each gets half of the time left */
	STS_TRANSFER_ADDRESSES = STS_WIRE_ADDRESSES,
	STS_HEADER_MAX = 64 * 1024 /* bytes of all header fields */
};

/* A transfer to be made; all pointers are borrowed until it is freed. */
struct sts_transfer_spec {
	const char *host; /* the policy host */
	uint16_t port;
	const struct sts_address *addresses; /* used only during the call */
	size_t count;                        /* 1 to STS_TRANSFER_ADDRESSES */
	int64_t timeout_ms;
	X509_STORE *store;
	const char *sample_root; /* PEM */
	/* Of a post or an examination; NULL for a policy. */
	const char *target;
	bool plain; /* http:, for an examination */
	/* Of a post alone. */
	const char *post;
	size_t post_len;
};

struct sts_transfer {
	CURL *easy;
	CURLSH *share;
	struct curl_slist *resolve;
	struct curl_slist *fields; /* of the request */
	bool post;
	bool examine;
	bool large; /* of an examination: there is more than body has, */
	bool cut;   /* or the connection ended too early */
	size_t post_len;
	struct sts_certificate certificate; /* of an examination */
	struct sts_verification verification;
	struct sts_address addresses[STS_TRANSFER_ADDRESSES];
	size_t address_count;
	uint16_t port;
	char *body;
	size_t body_len;
	size_t header_len;
	bool header_ended;     /* by an empty line */
	enum sts_status stop;  /* why a callback ended it, or STS_OK */
	enum sts_status fault; /* why no socket could be opened, or STS_OK */
	bool header_checked;
	char error[CURL_ERROR_SIZE];
	char detail[STS_WIRE_DETAIL_MAX];
};

/*
 * Prepares transfer->easy, which the caller adds to a multi handle.  On
 * failure (STS_NO_MEMORY, STS_INTERNAL) there is nothing to free.
 */
enum sts_status sts_transfer_create(
    struct sts_transfer **transfer, const struct sts_transfer_spec *spec);

/* The easy handle must have left its multi handle; NULL is allowed. */
void sts_transfer_free(struct sts_transfer *transfer);

/*
 * The outcome, once libcurl has ended with `code`.  With STS_OK the body of a
 * policy is in transfer->body, NUL-terminated; transfer->detail is for the log.
 * Of a post STS_OK is a status of 2xx, whatever the certificate and the body.
 * Of an examination STS_OK is a whole header; see transfer_examine.h.
 */
enum sts_status sts_transfer_outcome(
    struct sts_transfer *transfer, CURLcode code);

/*
 * transfer_failure.c: the same where libcurl failed with `code`, not CURLE_OK,
 * before any rule was broken.  If verification made the handshake fail, its
 * verdict is the reason, whatever libcurl reports.
 */
enum sts_status sts_transfer_failure(
    struct sts_transfer *transfer, CURLcode code);

#endif
