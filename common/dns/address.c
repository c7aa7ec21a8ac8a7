/* SPDX-License-Identifier: ISC */
#include "dns/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

/* A prefix of an address in network byte order. */
struct prefix {
	unsigned char bytes[8];
	unsigned bits;
};

/* From the IANA registry of special-purpose IPv4 addresses. */
static const struct prefix private_v4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private use */
    {{100, 64}, 10},      /* shared, behind a carrier's NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link local */
    {{172, 16}, 12},      /* private use */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private use */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and the broadcast address */
};

/* The same for IPv6; forms that carry an IPv4 address come below. */
static const struct prefix private_v6[] = {
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* local translation */
    {{0x01, 0x00}, 64},                         /* discard only */
    {{0x20, 0x01, 0x00, 0x00}, 32},             /* Teredo */
    {{0x20, 0x01, 0x00, 0x02, 0x00, 0x00}, 48}, /* benchmarks */
    {{0x20, 0x01, 0x00, 0x10}, 28},             /* ORCHID */
    {{0x20, 0x01, 0x00, 0x20}, 28},             /* ORCHID version 2 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},             /* documentation */
    {{0x3f, 0xff, 0x00}, 20},                   /* documentation */
    {{0xfc}, 7},                                /* unique local */
    {{0xfe, 0x80}, 10},                         /* link local */
    {{0xfe, 0xc0}, 10},                         /* site local, of old */
    {{0xff}, 8},                                /* multicast */
};

static bool
has_prefix(const unsigned char *address, const struct prefix *prefix)
{
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	unsigned mask = 0xffu << (8 - rest) & 0xffu;

	if (memcmp(address, prefix->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    (address[whole] & mask) == (prefix->bytes[whole] & mask);
}

static bool
has_any(const unsigned char *address, const struct prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (has_prefix(address, &list[i]))
			return true;
	}
	return false;
}

static bool
is_private_v4(const unsigned char *address)
{
	return has_any(
	    address, private_v4, sizeof(private_v4) / sizeof(private_v4[0]));
}

static bool
is_private_v6(const unsigned char *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const unsigned char zero[12];

	/* A NAT64 gateway translates these to the address inside. */
	if (memcmp(address, mapped, sizeof(mapped)) == 0 ||
	    memcmp(address, nat64, sizeof(nat64)) == 0)
		return is_private_v4(address + 12);
	/* "::", "::1", and the IPv4-compatible form, which is not routed */
	if (memcmp(address, zero, sizeof(zero)) == 0)
		return true;
	if (address[0] == 0x20 && address[1] == 0x02) /* 6to4 */
		return is_private_v4(address + 2);
	return has_any(
	    address, private_v6, sizeof(private_v6) / sizeof(private_v6[0]));
}

bool
sts_address_is_private(const struct sts_address *address)
{
	if (address->u.sa.sa_family == AF_INET)
		return is_private_v4(
		    (const unsigned char *)&address->u.v4.sin_addr);
	if (address->u.sa.sa_family == AF_INET6)
		return is_private_v6(address->u.v6.sin6_addr.s6_addr);
	return true;
}

bool
sts_address_is_same(const struct sts_address *a, const struct sts_address *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_INET)
		return memcmp(&a->u.v4.sin_addr, &b->u.v4.sin_addr,
			   sizeof(a->u.v4.sin_addr)) == 0;
	return a->u.sa.sa_family == AF_INET6 &&
	    memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr,
		sizeof(a->u.v6.sin6_addr)) == 0;
}

bool
sts_address_parse(const char *text, struct sts_address *address)
{
	memset(address, 0, sizeof(*address));
	address->u.sa.sa_family = AF_INET;
	if (inet_pton(AF_INET, text, &address->u.v4.sin_addr) == 1)
		return true;
	memset(address, 0, sizeof(*address));
	address->u.sa.sa_family = AF_INET6;
	return inet_pton(AF_INET6, text, &address->u.v6.sin6_addr) == 1;
}

const char *
sts_address_text(const struct sts_address *address, char *buf)
{
	bool v6 = address->u.sa.sa_family == AF_INET6;
	const void *binary = v6 ? (const void *)&address->u.v6.sin6_addr
				: (const void *)&address->u.v4.sin_addr;

	if (inet_ntop(v6 ? AF_INET6 : AF_INET, binary, buf, INET6_ADDRSTRLEN) ==
	    NULL)
		buf[0] = '\0';
	return buf;
}
