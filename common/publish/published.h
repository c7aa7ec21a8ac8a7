/* SPDX-License-Identifier: ISC */
/*
 * What a domain publishes, and what its hosts did, as `mta-sts-resolver
 * --examine` saw it: facts, without a word about what they mean.
 *
 * The facts come as lines, which mta-sts-resolver(8) describes.  Values are
 * escaped there (base/escape.h) and plain bytes here; all of them come from the
 * network, and are escaped again when they are shown.
 */
#ifndef STS_PUBLISH_PUBLISHED_H
#define STS_PUBLISH_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/cursor.h"
#include "base/status.h"
#include "core/record.h"

enum {
	STS_PUBLISHED_MX = 16,    /* MX hosts that are examined */
	STS_PUBLISHED_TEXT = 512, /* of a detail or a header field, with NUL */
	STS_PUBLISHED_ADDRESS = 48
};

/* The names whose TXT records are queried. */
enum sts_published_name {
	STS_AT_RECORD,        /* _mta-sts.DOMAIN */
	STS_AT_NO_UNDERSCORE, /* mta-sts.DOMAIN */
	STS_AT_TWICE,         /* _mta-sts.DOMAIN.DOMAIN */
	STS_AT_WILDCARD,      /* a name below DOMAIN that cannot be there */
	STS_AT_REPORTS,       /* _smtp._tls.DOMAIN */
	STS_AT_COUNT
};

struct sts_published_txt {
	bool asked;
	enum sts_status status; /* of dns/dns.h */
	size_t count;
	struct sts_span record[STS_RECORDS_MAX]; /* owned */
};

/* The URLs that are requested; the second two only if the first failed. */
enum sts_published_url {
	STS_URL_POLICY, /* https://mta-sts.DOMAIN/.well-known/mta-sts.txt */
	STS_URL_TOP,    /* https://mta-sts.DOMAIN/mta-sts.txt */
	STS_URL_PLAIN,  /* the first one by http: */
	STS_URL_COUNT
};

struct sts_published_page {
	bool asked;
	enum sts_status status; /* STS_OK: HTTP answered, with any status */
	char detail[STS_PUBLISHED_TEXT];
	/* Of the certificate: STS_OK, or a status of the class FETCH. */
	enum sts_status certificate;
	char certificate_detail[STS_PUBLISHED_TEXT]; /* OpenSSL's words */
	char names[STS_PUBLISHED_TEXT];              /* dNSNames, with commas */
	char common_name[STS_PUBLISHED_TEXT];
	int http; /* the HTTP status */
	char location[STS_PUBLISHED_TEXT];
	char type[STS_PUBLISHED_TEXT]; /* the Content-Type; "": none */
	char encoding[STS_PUBLISHED_TEXT];
	char *body; /* owned; NULL: none */
	size_t body_len;
	bool cut;   /* the connection ended before the body did */
	bool large; /* there was more than STS_BODY_MAX */
};

struct sts_published_mx {
	char host[STS_NAME_MAX + 1];
	int64_t preference;
	bool probed;
	bool works; /* at least one of its addresses */
	/* Of its first address that fails, else of the first. */
	enum sts_status probe; /* STS_OK, or the class MX */
	char address[STS_PUBLISHED_ADDRESS];
	char detail[STS_PUBLISHED_TEXT];
	int64_t tlsa; /* TLSA records of its port 25 */
};

struct sts_published {
	char domain[STS_NAME_MAX + 1];
	struct sts_published_txt txt[STS_AT_COUNT];
	struct sts_published_page page[STS_URL_COUNT];
	bool mx_asked;
	bool mx_implicit; /* no MX record: the domain itself */
	enum sts_status mx_status;
	size_t mx_count;
	int64_t mx_more;                 /* MX hosts that were not examined */
	char mx_bad[STS_PUBLISHED_TEXT]; /* the last that is no host name, or ""
					  */
	struct sts_published_mx mx[STS_PUBLISHED_MX];
	/* The policy in our own store, and the id it came with; "": none. */
	char stored_id[STS_ID_MAX + 1];
	char *stored_body; /* owned; NULL: none */
	size_t stored_len;
	/* How far the examination is. */
	int64_t done, total;
	bool ended;
	enum sts_status outcome; /* of all: STS_OK, or a local fault */
};

/* Empties *p, for a normalised domain. */
void sts_published_init(struct sts_published *p, const char *domain);

/*
 * Reads one line, without its line feed, and changes it.  False: it is none of
 * ours, has a value that is too long or is beyond a bound, or there is no
 * memory for it; it is ignored then.
 */
bool sts_published_read(struct sts_published *p, char *line);

/* Copies the policy of the store; false: no memory. */
bool sts_published_store(
    struct sts_published *p, const char *id, const char *body, size_t len);

void sts_published_free(struct sts_published *p);

#endif
