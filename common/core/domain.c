/* SPDX-License-Identifier: ISC */
/*
 * An MTA, an operator or a DNS answer spells a name in its own way; this file
 * turns it into the one form that is compared, queried, written on the
 * resolver's pipe and used as a file name.  All other code relies on that form,
 * so it is checked byte for byte after libidn2's conversion.
 */
#include "core/domain.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "core/grammar.h"
#include "core/idn.h"

enum {
	LABEL_MAX = 63,
	/* Room for what libidn2 returns; longer names are too long anyway. */
	CONVERTED_MAX = 4 * STS_NAME_MAX
};

/* "LDH" of RFC 5890 2.3.1, what an mx value may hold. */
static bool
is_host_byte(int byte)
{
	return sts_is_alnum(byte) || byte == '-';
}

/*
 * The DNS allows underscores, and hyphens anywhere, so a domain is queried as
 * it is, but in lower case.
 */
static bool
is_normal_byte(int byte)
{
	return byte == '_' || byte == '-' || sts_is_digit(byte) ||
	    (byte >= 'a' && byte <= 'z');
}

/* The next label, of bytes that `is` allows, and whether a dot follows. */
static bool
next_label(
    struct sts_cursor *c, bool (*is)(int), struct sts_span *label, bool *dot)
{
	*label = sts_cursor_while(c, is);
	*dot = sts_cursor_byte(c, '.');
	return label->len > 0 && label->len <= LABEL_MAX;
}

bool
sts_domain_is_ldh(struct sts_span name)
{
	struct sts_cursor c = sts_cursor_make(name.p, name.len);
	struct sts_span label;
	bool dot;

	if (name.len > STS_NAME_MAX)
		return false;
	do {
		if (!next_label(&c, is_host_byte, &label, &dot) ||
		    label.p[0] == '-' || label.p[label.len - 1] == '-')
			return false;
	} while (dot);
	return sts_cursor_left(&c) == 0;
}

bool
sts_domain_is_normalised(const char *name)
{
	size_t len = strlen(name);
	struct sts_cursor c = sts_cursor_make(name, len);
	struct sts_span label;
	bool dot;

	/* A command would parse a leading hyphen as an option. */
	if (len > STS_NAME_MAX || name[0] == '-')
		return false;
	do {
		if (!next_label(&c, is_normal_byte, &label, &dot))
			return false;
	} while (dot);
	return sts_cursor_left(&c) == 0;
}

bool
sts_domain_is_address_like(struct sts_span name)
{
	struct sts_cursor c = sts_cursor_make(name.p, name.len);
	struct sts_span label = {name.p, 0};

	/*
	 * No top-level domain is all digits (RFC 3696 2), so this is an
	 * address, or looks like one to a resolver: "1.2.3", "127.1".
	 */
	while (sts_cursor_until(&c, '.', &label))
		continue;
	for (size_t i = 0; i < label.len; i++) {
		if (!sts_is_digit((unsigned char)label.p[i]))
			return false;
	}
	return label.len > 0;
}

/* In brackets (RFC 5321 4.1.3), or IPv6 as an MTA may pass it. */
static bool
is_literal(const char *name)
{
	size_t len = strlen(name);
	struct in6_addr address;

	if (len > 1 && name[0] == '[' && name[len - 1] == ']')
		return true;
	return strchr(name, ':') != NULL &&
	    inet_pton(AF_INET6, name, &address) == 1;
}

/* Normalises an ASCII name; `name` may be `out`. */
static enum sts_status
normalise_ascii(const char *name, char out[STS_NAME_MAX + 1])
{
	struct sts_span s = {name, strlen(name)};

	/* One root dot at most: a second one would be an empty label. */
	if (s.len > 0 && s.p[s.len - 1] == '.')
		s.len--;
	if (s.len > STS_NAME_MAX)
		return STS_BAD_DOMAIN;
	for (size_t i = 0; i < s.len; i++)
		out[i] = sts_ascii_lower(s.p[i]);
	out[s.len] = '\0';
	s.p = out;
	if (!sts_domain_is_normalised(out))
		return STS_BAD_DOMAIN;
	return sts_domain_is_address_like(s) ? STS_ADDRESS_LITERAL : STS_OK;
}

/* Not for ASCII names: libidn2 would refuse hyphens that the DNS allows. */
static enum sts_status
normalise_unicode(const char *name, char out[STS_NAME_MAX + 1])
{
	char ascii[CONVERTED_MAX + 1];
	enum sts_status status = sts_idn_to_ascii(name, ascii, sizeof(ascii));

	return status == STS_OK ? normalise_ascii(ascii, out) : status;
}

enum sts_status
sts_domain_normalise(const char *name, char out[STS_NAME_MAX + 1])
{
	struct sts_span s = {name, strlen(name)};
	enum sts_status status;

	out[0] = '\0';
	if (is_literal(name))
		return STS_ADDRESS_LITERAL;
	if (sts_has_non_ascii(s))
		status = normalise_unicode(name, out);
	else
		status = normalise_ascii(name, out);
	if (status != STS_OK)
		out[0] = '\0';
	return status;
}

/* True if `domain` is below `name`, at any depth. */
static bool
is_below(const char *domain, const char *name)
{
	size_t domain_len = strlen(domain), name_len = strlen(name);

	return domain_len > name_len + 1 &&
	    domain[domain_len - name_len - 1] == '.' &&
	    strcmp(domain + domain_len - name_len, name) == 0;
}

/*
 * True if `pattern`, whose "*" stands for any bytes or none, matches `text`.
 * Only the last "*" is retried, so the time is bounded by the product of the
 * lengths.
 */
static bool
matches_pattern(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

/*
 * How well an override matches: 0 not at all; most for the name itself, a
 * little less for an ill-formed name that it may be; for "*.NAME" the more, the
 * longer NAME is.  The configuration has names as typed, with U-labels and
 * trailing dots.
 */
static size_t
override_rank(const char *written, const char *domain)
{
	bool wildcard = strncmp(written, "*.", 2) == 0;
	char name[STS_NAME_MAX + 1];

	if (strchr(wildcard ? written + 2 : written, '*') != NULL)
		return matches_pattern(written, domain) ? STS_NAME_MAX : 0;
	if (sts_domain_normalise(wildcard ? written + 2 : written, name) !=
	    STS_OK)
		return 0;
	if (wildcard)
		return is_below(domain, name) ? strlen(name) : 0;
	return strcmp(domain, name) == 0 ? STS_NAME_MAX + 1 : 0;
}

const struct sts_override *
sts_domain_override(const struct sts_config *config, const char *domain)
{
	const struct sts_override *best = NULL;
	size_t best_rank = 0;

	for (size_t i = 0; i < config->override_count; i++) {
		const struct sts_override *o = &config->overrides[i];
		size_t rank = override_rank(o->name, domain);

		/* Among equals an ill-formed line wins, else the first. */
		rank = 2 * rank + (rank > 0 && o->kind == STS_OVERRIDE_BAD);
		if (rank > best_rank) {
			best = o;
			best_rank = rank;
		}
	}
	return best;
}
