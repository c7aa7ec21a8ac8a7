/* SPDX-License-Identifier: ISC */
/*
 * The one list of statuses that all programs use.
 *
 * Each status has a fixed token (no space, listed in mta-sts(1)), which is
 * what appears in logs, in the store, in answers to an MTA and on the
 * resolver's pipe, and a sentence for people.
 *
 * The class of a status says who is to blame, and that decides what may be
 * recorded: only what the network answered, or failed to answer, is ever
 * recorded for a domain or a record id.
 */
#ifndef STS_BASE_STATUS_H
#define STS_BASE_STATUS_H

#include <stdbool.h>

enum sts_class {
	STS_CLASS_OK,     /* no failure */
	STS_CLASS_INPUT,  /* the caller's input: name, file, option */
	STS_CLASS_RECORD, /* a TXT record that exists and is unusable */
	STS_CLASS_DNS,    /* the DNS did not answer, or said "none" */
	STS_CLASS_FETCH,  /* the policy host: connection, TLS, HTTP */
	STS_CLASS_POLICY, /* a policy body against RFC 8461 3.2 */
	STS_CLASS_MX,     /* an MX host, seen by a probe */
	STS_CLASS_LOCAL   /* this machine: state, resolver, memory, clock */
};

/* X(constant, token, class, sentence) */
/* clang-format off */
#define STS_STATUS_LIST(X)                                                     \
	X(STS_OK, "ok", STS_CLASS_OK, "no error")                              \
	/* input */                                                            \
	X(STS_BAD_DOMAIN, "bad_domain", STS_CLASS_INPUT,                       \
	    "not a domain name")                                               \
	X(STS_ADDRESS_LITERAL, "address_literal", STS_CLASS_INPUT,             \
	    "an address, not a domain name")                                   \
	X(STS_BAD_IDN, "bad_idn", STS_CLASS_INPUT,                             \
	    "the internationalised name cannot be converted to A-labels")      \
	X(STS_BAD_LINE, "bad_line", STS_CLASS_INPUT,                           \
	    "ill-formed line")                                                 \
	X(STS_NOT_FOUND, "not_found", STS_CLASS_INPUT,                         \
	    "no such entry")                                                   \
	X(STS_USAGE, "usage", STS_CLASS_INPUT,                                 \
	    "called with too few or too many arguments")                       \
	X(STS_NO_MATCH, "no_match", STS_CLASS_INPUT,                           \
	    "the host matches no mx pattern of the policy")                    \
	X(STS_BAD_PATTERN, "bad_pattern", STS_CLASS_INPUT,                     \
	    "not an mx pattern: a name or \"*.\" and a name")                  \
	X(STS_TOO_SOON, "too_soon", STS_CLASS_INPUT,                           \
	    "asked for again too soon")                                        \
	X(STS_NOT_DUE, "not_due", STS_CLASS_INPUT,                             \
	    "the policy is not due for a refresh")                             \
	/* _mta-sts and _smtp._tls records */                                  \
	X(STS_NO_RECORD, "no_record", STS_CLASS_RECORD,                        \
	    "there is no TXT record of this kind")                             \
	X(STS_RECORD_MULTIPLE, "record_multiple", STS_CLASS_RECORD,            \
	    "more than one TXT record begins with the version")                \
	X(STS_RECORD_SYNTAX, "record_syntax", STS_CLASS_RECORD,                \
	    "the TXT record is ill-formed")                                    \
	X(STS_RECORD_NO_ID, "record_no_id", STS_CLASS_RECORD,                  \
	    "the TXT record has no id")                                        \
	X(STS_RECORD_BAD_ID, "record_bad_id", STS_CLASS_RECORD,                \
	    "the id is not 1 to 32 letters and digits")                        \
	X(STS_RECORD_NO_RUA, "record_no_rua", STS_CLASS_RECORD,                \
	    "the TXT record has no rua")                                       \
	X(STS_RECORD_BAD_RUA, "record_bad_rua", STS_CLASS_RECORD,              \
	    "a rua is neither a mailto: nor an https: destination")            \
	/* DNS */                                                              \
	X(STS_DNS_NXDOMAIN, "dns_nxdomain", STS_CLASS_DNS,                     \
	    "the name does not exist")                                         \
	X(STS_DNS_NODATA, "dns_nodata", STS_CLASS_DNS,                         \
	    "the name has no record of this type")                             \
	X(STS_DNS_SERVFAIL, "dns_servfail", STS_CLASS_DNS,                     \
	    "the name server failed or refused")                               \
	X(STS_DNS_TIMEOUT, "dns_timeout", STS_CLASS_DNS,                       \
	    "no name server answered in time")                                 \
	X(STS_DNS_BAD_REPLY, "dns_bad_reply", STS_CLASS_DNS,                   \
	    "the name server's reply is ill-formed")                           \
	X(STS_NULL_MX, "null_mx", STS_CLASS_DNS,                               \
	    "the domain says that it takes no mail (null MX)")                 \
	X(STS_NO_MX_HOST, "no_mx_host", STS_CLASS_DNS,                         \
	    "the domain has no MX host with an address")                       \
	/* policy host */                                                      \
	X(STS_FETCH_DNS, "fetch_dns", STS_CLASS_FETCH,                         \
	    "the policy host's address could not be looked up")                \
	X(STS_FETCH_NO_ADDRESS, "fetch_no_address", STS_CLASS_FETCH,           \
	    "the policy host has no address")                                  \
	X(STS_FETCH_PRIVATE, "fetch_private_address", STS_CLASS_FETCH,         \
	    "the policy host has only private or local addresses")             \
	X(STS_FETCH_CONNECT, "fetch_connect", STS_CLASS_FETCH,                 \
	    "no connection to the policy host")                                \
	X(STS_FETCH_TIMEOUT, "fetch_timeout", STS_CLASS_FETCH,                 \
	    "the policy host did not answer in time")                          \
	X(STS_FETCH_TLS, "fetch_tls", STS_CLASS_FETCH,                         \
	    "the TLS handshake with the policy host failed")                   \
	X(STS_FETCH_CERT_EXPIRED, "fetch_cert_expired", STS_CLASS_FETCH,       \
	    "the policy host's certificate has expired or is not yet valid")   \
	X(STS_FETCH_CERT_NAME, "fetch_cert_name", STS_CLASS_FETCH,             \
	    "the policy host's certificate is for another name")               \
	X(STS_FETCH_CERT_UNTRUSTED, "fetch_cert_untrusted", STS_CLASS_FETCH,   \
	    "the policy host's certificate does not chain to a trusted root")  \
	X(STS_FETCH_CERT_INVALID, "fetch_cert_invalid", STS_CLASS_FETCH,       \
	    "the policy host's certificate is invalid")                        \
	X(STS_FETCH_REDIRECT, "fetch_redirect", STS_CLASS_FETCH,               \
	    "the policy host answered with a redirect")                        \
	X(STS_FETCH_STATUS, "fetch_http_status", STS_CLASS_FETCH,              \
	    "the policy host answered with an HTTP status other than 200")     \
	X(STS_FETCH_MEDIA_TYPE, "fetch_media_type", STS_CLASS_FETCH,           \
	    "the media type is not text/plain")                                \
	X(STS_FETCH_ENCODING, "fetch_content_encoding", STS_CLASS_FETCH,       \
	    "the policy host used a content coding that was not asked for")    \
	X(STS_FETCH_TOO_LARGE, "fetch_too_large", STS_CLASS_FETCH,             \
	    "the policy is larger than 64 KiB")                                \
	X(STS_FETCH_HTTP, "fetch_http", STS_CLASS_FETCH,                       \
	    "the policy host's answer is not usable HTTP, or is cut short")    \
	/* policy body */                                                      \
	X(STS_POLICY_EMPTY, "policy_empty", STS_CLASS_POLICY,                  \
	    "the policy is empty")                                             \
	X(STS_POLICY_NUL, "policy_nul", STS_CLASS_POLICY,                      \
	    "the policy contains a NUL byte")                                  \
	X(STS_POLICY_BOM, "policy_bom", STS_CLASS_POLICY,                      \
	    "the policy begins with a byte order mark")                        \
	X(STS_POLICY_NO_VERSION, "policy_no_version", STS_CLASS_POLICY,        \
	    "the policy has no version")                                       \
	X(STS_POLICY_BAD_VERSION, "policy_bad_version", STS_CLASS_POLICY,      \
	    "the version is not STSv1")                                        \
	X(STS_POLICY_NO_MODE, "policy_no_mode", STS_CLASS_POLICY,              \
	    "the policy has no mode")                                          \
	X(STS_POLICY_BAD_MODE, "policy_bad_mode", STS_CLASS_POLICY,            \
	    "the mode is not enforce, testing or none")                        \
	X(STS_POLICY_NO_MAX_AGE, "policy_no_max_age", STS_CLASS_POLICY,        \
	    "the policy has no max_age")                                       \
	X(STS_POLICY_BAD_MAX_AGE, "policy_bad_max_age", STS_CLASS_POLICY,      \
	    "max_age is not a number of 1 to 10 digits")                       \
	X(STS_POLICY_NO_MX, "policy_no_mx", STS_CLASS_POLICY,                  \
	    "the policy has no usable mx and its mode is not none")            \
	X(STS_POLICY_BAD_MX, "policy_bad_mx", STS_CLASS_POLICY,                \
	    "an mx is not a name or \"*.\" and a name")                        \
	X(STS_POLICY_TOO_LARGE, "policy_too_large", STS_CLASS_POLICY,          \
	    "the policy has more mx patterns than the MTA can take")           \
	/* warnings about a policy that is accepted all the same */            \
	X(STS_WARN_MAX_AGE_CAPPED, "warn_max_age_capped", STS_CLASS_POLICY,    \
	    "max_age is above 31557600 and counts as 31557600")                \
	X(STS_WARN_MX_ADDRESS, "warn_mx_address", STS_CLASS_POLICY,            \
	    "an mx is an address and can match no MX host")                    \
	X(STS_WARN_MX_DROPPED, "warn_mx_dropped", STS_CLASS_POLICY,            \
	    "an ill-formed mx is ignored because the mode is none")            \
	X(STS_WARN_BLANK_LINE, "warn_blank_line", STS_CLASS_POLICY,            \
	    "blank line")                                                      \
	X(STS_WARN_BAD_EXTENSION, "warn_bad_extension", STS_CLASS_POLICY,      \
	    "ill-formed line, ignored")                                        \
	X(STS_WARN_DUPLICATE, "warn_duplicate", STS_CLASS_POLICY,              \
	    "the field was set before; the first value is used")               \
	/* MX hosts, as a probe finds them (RFC 8461 4.1, 4.2) */               \
	X(STS_MX_DNS, "mx_dns", STS_CLASS_MX,                                  \
	    "the MX host's address could not be looked up")                    \
	X(STS_MX_NO_ADDRESS, "mx_no_address", STS_CLASS_MX,                    \
	    "the MX host has no address")                                      \
	X(STS_MX_PRIVATE, "mx_private_address", STS_CLASS_MX,                  \
	    "the MX host has only private or local addresses")                 \
	X(STS_MX_CONNECT, "mx_connect", STS_CLASS_MX,                          \
	    "no connection to the MX host")                                    \
	X(STS_MX_TIMEOUT, "mx_timeout", STS_CLASS_MX,                          \
	    "the MX host did not answer in time")                              \
	X(STS_MX_GREETING, "mx_greeting", STS_CLASS_MX,                        \
	    "the MX host refused the connection in its greeting")              \
	X(STS_MX_SMTP, "mx_smtp", STS_CLASS_MX,                                \
	    "the MX host did not get as far as STARTTLS in the SMTP dialogue") \
	X(STS_MX_NO_STARTTLS, "mx_no_starttls", STS_CLASS_MX,                  \
	    "the MX host does not offer STARTTLS")                             \
	X(STS_MX_STARTTLS_REFUSED, "mx_starttls_refused", STS_CLASS_MX,        \
	    "the MX host offers STARTTLS and refused it")                      \
	X(STS_MX_STARTTLS_PLAINTEXT, "mx_starttls_plaintext", STS_CLASS_MX,    \
	    "something in the clear came after the answer to STARTTLS")        \
	X(STS_MX_TLS, "mx_tls", STS_CLASS_MX,                                  \
	    "the TLS handshake with the MX host failed")                       \
	X(STS_MX_CERT_EXPIRED, "mx_cert_expired", STS_CLASS_MX,                \
	    "the MX host's certificate has expired or is not yet valid")       \
	X(STS_MX_CERT_NAME, "mx_cert_name", STS_CLASS_MX,                      \
	    "the MX host's certificate is for another name")                   \
	X(STS_MX_CERT_UNTRUSTED, "mx_cert_untrusted", STS_CLASS_MX,            \
	    "the MX host's certificate does not chain to a trusted root")      \
	X(STS_MX_CERT_INVALID, "mx_cert_invalid", STS_CLASS_MX,                \
	    "the MX host's certificate is invalid")                            \
	/* this machine */                                                     \
	X(STS_STATE_MISSING, "state_missing", STS_CLASS_LOCAL,                 \
	    "the state directory does not exist")                              \
	X(STS_STATE_UNREADABLE, "state_unreadable", STS_CLASS_LOCAL,           \
	    "the state directory, or a file in it, cannot be read")            \
	X(STS_STATE_UNWRITABLE, "state_unwritable", STS_CLASS_LOCAL,           \
	    "the state directory cannot be written")                           \
	X(STS_STATE_LOCKED, "state_locked", STS_CLASS_LOCAL,                   \
	    "another process keeps the domain's write lock")                   \
	X(STS_STATE_FULL, "state_full", STS_CLASS_LOCAL,                       \
	    "no space, quota or file size limit left for the state directory") \
	X(STS_STATE_OWNER, "state_owner", STS_CLASS_LOCAL,                     \
	    "the state directory belongs to root or to a wrong user")          \
	X(STS_STATE_MODE, "state_mode", STS_CLASS_LOCAL,                       \
	    "the state directory can be written by others")                    \
	X(STS_ENTRY_CORRUPT, "entry_corrupt", STS_CLASS_LOCAL,                 \
	    "the domain's policy file is damaged")                             \
	X(STS_RESOLVER_MISSING, "resolver_missing", STS_CLASS_LOCAL,           \
	    "the resolver cannot be started")                                  \
	X(STS_RESOLVER_DIED, "resolver_died", STS_CLASS_LOCAL,                 \
	    "the resolver ended without an answer")                            \
	X(STS_RESOLVER_TIMEOUT, "resolver_timeout", STS_CLASS_LOCAL,           \
	    "the resolver did not answer in time")                             \
	X(STS_RESOLVER_ROOT, "resolver_root", STS_CLASS_LOCAL,                 \
	    "the resolver would have run as root")                             \
	X(STS_FETCHER_MISSING, "fetcher_missing", STS_CLASS_LOCAL,             \
	    "the fetcher cannot be started")                                   \
	X(STS_FETCHER_DIED, "fetcher_died", STS_CLASS_LOCAL,                   \
	    "the fetcher ended without an answer")                             \
	X(STS_FETCHER_TIMEOUT, "fetcher_timeout", STS_CLASS_LOCAL,             \
	    "the fetcher did not answer in time")                              \
	X(STS_FETCHER_REPLY, "fetcher_reply", STS_CLASS_LOCAL,                 \
	    "the fetcher's answer is ill-formed")                              \
	X(STS_NETWORK, "network", STS_CLASS_LOCAL,                             \
	    "this machine forbids the connection, or has no route at all")     \
	X(STS_BUDGET, "budget", STS_CLASS_LOCAL,                               \
	    "this process has waited long enough for policies")                \
	X(STS_CA_UNUSABLE, "ca_unusable", STS_CLASS_LOCAL,                     \
	    "the trust roots (ca-file, ca-path) cannot be used")               \
	X(STS_NO_MEMORY, "no_memory", STS_CLASS_LOCAL, "out of memory")        \
	X(STS_NO_DESCRIPTORS, "no_descriptors", STS_CLASS_LOCAL,               \
	    "no file descriptors or processes left")                           \
	X(STS_NO_NAMESERVER, "no_nameserver", STS_CLASS_LOCAL,                 \
	    "no name server can be reached, or none answers anything")         \
	X(STS_CLOCK, "clock", STS_CLASS_LOCAL,                                 \
	    "the clock is wrong: before this build, or far behind the newest " \
	    "fetch")                                        \
	X(STS_CONFIG, "config", STS_CLASS_LOCAL,                               \
	    "the configuration cannot be used")                                \
	X(STS_UNSAFE_FILE, "unsafe_file", STS_CLASS_LOCAL,                     \
	    "another user can change a file that root reads or runs")          \
	X(STS_INTERNAL, "internal", STS_CLASS_LOCAL, "internal error")
/* clang-format on */

enum sts_status {
#define STS_STATUS_ENUM(constant, token, class_, text) constant,
	STS_STATUS_LIST(STS_STATUS_ENUM)
#undef STS_STATUS_ENUM
	    STS_STATUS_COUNT
};

/* The fixed token, e.g. "dns_timeout"; "internal" for a value out of range. */
const char *sts_status_name(enum sts_status status);

/* One English sentence without a final full stop. */
const char *sts_status_text(enum sts_status status);

enum sts_class sts_status_class(enum sts_status status);

/*
 * Sets *out to the status with that token; returns false and leaves *out
 * unchanged if there is none.
 */
bool sts_status_parse(const char *token, enum sts_status *out);

/*
 * True if a domain's DNS failed, for its record or for its policy host's
 * address, which on-dns-error is about.  A host without an address is not such
 * a failure.
 */
bool sts_status_is_dns_trouble(enum sts_status status);

/* True for statuses of STS_CLASS_LOCAL. */
bool sts_status_is_local(enum sts_status status);

/*
 * What an errno from opening, writing or renaming in the state directory
 * means: STS_STATE_FULL, STS_NO_DESCRIPTORS, ... ; never STS_OK.
 */
enum sts_status sts_status_from_errno(int error);

/*
 * STS_NO_DESCRIPTORS or STS_NO_MEMORY if this errno means such a shortage, else
 * `otherwise`.
 */
enum sts_status sts_status_shortage_or(int error, enum sts_status otherwise);

#endif
