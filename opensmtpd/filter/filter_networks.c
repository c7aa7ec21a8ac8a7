/* SPDX-License-Identifier: ISC */
/*
 * An address is stored as bytes and a number of bits, so that an address, a
 * network and an interface's address are compared alike.  Addresses of
 * interfaces are read again every few seconds, since they may change while this
 * program runs for months.
 */
#include "opensmtpd/filter/filter_networks.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/cursor.h"

enum { ADDRESS_BYTES = 80 };

static unsigned
bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* ::ffff:192.0.2.1 is 192.0.2.1, and its prefix likewise. */
static void
unmap(struct sts_network *n)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (n->family != AF_INET6 || n->prefix < 96 ||
	    memcmp(n->bytes, mapped, sizeof(mapped)) != 0)
		return;
	n->family = AF_INET;
	n->prefix -= 96;
	memmove(n->bytes, n->bytes + sizeof(mapped), 4);
}

/* An address with all of its bits. */
static bool
parse_address(const char *text, struct sts_network *n)
{
	memset(n, 0, sizeof(*n));
	n->family =
	    inet_pton(AF_INET, text, n->bytes) == 1 ? AF_INET : AF_INET6;
	n->prefix = bits_of(n->family);
	return n->family == AF_INET || inet_pton(AF_INET6, text, n->bytes) == 1;
}

/* Copies what is in brackets, or all, without a "%scope". */
static bool
copy_address(struct sts_span s, char out[ADDRESS_BYTES])
{
	char *scope;

	if (s.len >= 2 && s.p[0] == '[' && s.p[s.len - 1] == ']') {
		s.p++;
		s.len -= 2;
	}
	if (!sts_span_copy(s, out, ADDRESS_BYTES))
		return false;
	if ((scope = strchr(out, '%')) != NULL)
		*scope = '\0';
	return true;
}

bool
sts_network_parse(const char *text, struct sts_network *network)
{
	struct sts_cursor c = sts_cursor_make(text, strlen(text));
	char address[ADDRESS_BYTES];
	struct sts_span span;
	int64_t bits;

	if (!sts_cursor_until(&c, '/', &span) || !copy_address(span, address) ||
	    !parse_address(address, network))
		return false;
	if (strchr(text, '/') != NULL) {
		if (!sts_cursor_number(&c, 3, &bits) ||
		    sts_cursor_left(&c) > 0 ||
		    bits > (int64_t)bits_of(network->family))
			return false;
		network->prefix = (unsigned)bits;
	}
	unmap(network);
	return true;
}

bool
sts_networks_add(struct sts_networks *networks, const char *text)
{
	if (networks->named_count == STS_NETWORKS_MAX ||
	    !sts_network_parse(text, &networks->named[networks->named_count]))
		return false;
	networks->named_count++;
	return true;
}

bool
sts_endpoint_parse(const char *endpoint, struct sts_network *address)
{
	const char *port = strrchr(endpoint, ':');
	char text[ADDRESS_BYTES];

	if (port == NULL ||
	    !copy_address(
		(struct sts_span){endpoint, (size_t)(port - endpoint)}, text) ||
	    !parse_address(text, address))
		return false;
	unmap(address);
	return true;
}

bool
sts_endpoint_is_socket(const char *endpoint)
{
	return strcmp(endpoint, "local") == 0 ||
	    strncmp(endpoint, "local:", 6) == 0 ||
	    strncmp(endpoint, "unix:", 5) == 0;
}

static bool
is_inside(const struct sts_network *address, const struct sts_network *network)
{
	size_t whole = network->prefix / 8;
	unsigned rest = network->prefix % 8;

	if (address->family != network->family ||
	    memcmp(address->bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    ((address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) ==
	    0;
}

static bool
is_in_list(const struct sts_network *address, const struct sts_network *list,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_inside(address, &list[i]))
			return true;
	}
	return false;
}

/* Copied from the list, which may be misaligned. */
static void
add_own(struct sts_networks *n, const struct sockaddr *sa)
{
	struct sts_network *own = &n->own[n->own_count];
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (sa == NULL || n->own_count == STS_OWN_MAX ||
	    (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return;
	memset(own, 0, sizeof(*own));
	own->family = sa->sa_family;
	own->prefix = bits_of(own->family);
	if (own->family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		memcpy(own->bytes, &v4.sin_addr, 4);
	} else {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(own->bytes, &v6.sin6_addr, 16);
	}
	n->own_count++;
}

/* If they cannot be read, the previous ones stay. */
static void
read_own(struct sts_networks *n)
{
	int64_t now = sts_monotonic_ms();
	struct ifaddrs *list, *i;

	if (n->own_count > 0 && now - n->own_ms < STS_OWN_AGE_MS)
		return;
	n->own_ms = now;
	if (getifaddrs(&list) != 0)
		return;
	n->own_count = 0;
	for (i = list; i != NULL; i = i->ifa_next)
		add_own(n, i->ifa_addr);
	freeifaddrs(list);
}

static bool
is_loopback(const struct sts_network *address)
{
	static const unsigned char v6[16] = {[15] = 1};

	return address->family == AF_INET
	    ? address->bytes[0] == 127
	    : memcmp(address->bytes, v6, sizeof(v6)) == 0;
}

bool
sts_networks_have(
    struct sts_networks *networks, const struct sts_network *address)
{
	if (is_loopback(address) ||
	    is_in_list(address, networks->named, networks->named_count))
		return true;
	read_own(networks);
	return is_in_list(address, networks->own, networks->own_count);
}
