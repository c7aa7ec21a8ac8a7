/* SPDX-License-Identifier: ISC */
/* Addresses that a stranger's name must not make us connect to. */
#include "tests/unit/lib/tap.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/dns.h"

static bool
parse(const char *text, struct sts_address *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &out->u.v4.sin_addr) == 1) {
		out->u.v4.sin_family = AF_INET;
		return true;
	}
	out->u.v6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, text, &out->u.v6.sin6_addr) == 1;
}

static const char *const private[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0",
    "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0",
    "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.1", "192.88.99.1",
    "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.0", "239.255.255.255", "240.0.0.0",
    "255.255.255.255",
    /* IPv6 */
    "::", "::1", "::10.0.0.1", "::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1",
    "2001:1f:ffff::1", "2001:20::1", "2001:2f:ffff::1", "2001:db8::1",
    "3fff::1", "3fff:fff:ffff::1", "fc00::1", "fdff:ffff::1", "fe80::1",
    "febf:ffff::1", "fec0::1", "feff::1", "ff00::", "ff02::1", "ffff::1",
    /* IPv4 inside */
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0.0.0.0", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
    "64:ff9b::100.64.0.1", "2002:a00:1::1", "2002:7f00:1::", "2002:c0a8:1::1",
    "2002:e000:1::1"};

static const char *const public[] = {"1.0.0.0", "9.255.255.255", "11.0.0.0",
    "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "198.51.99.1", "203.0.112.1",
    "223.255.255.255", "8.8.8.8",
    /* IPv6 */
    "2000::1", "2001:1::1", "2001:3::1", "2001:30::1", "2001:200::1",
    "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1", "3ffe::1",
    "3fff:1000::1", "101::1", "64:ff9c::1",
    /* IPv4 inside */
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"};

static bool
is_same(const char *a, const char *b)
{
	struct sts_address x, y;

	if (!parse(a, &x) || !parse(b, &y))
		return false;
	y.u.v4.sin_port = htons(443);
	return sts_address_is_same(&x, &y);
}

static void
same_address(void)
{
	struct sts_address none = {.u.sa.sa_family = AF_UNSPEC};

	ok(is_same("192.0.2.1", "192.0.2.1"), "one IPv4 address, two ports");
	ok(!is_same("192.0.2.1", "192.0.2.2"), "two IPv4 addresses");
	ok(is_same("2001:db8::1", "2001:DB8:0::1"), "one IPv6 address");
	ok(!is_same("2001:db8::1", "2001:db8::2"), "two IPv6 addresses");
	ok(!is_same("192.0.2.1", "::ffff:192.0.2.1"),
	    "a mapped one is another");
	ok(!sts_address_is_same(&none, &none), "what is none is like no other");
}

static void
text_forms(void)
{
	static const char *const pairs[][2] = {
	    {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
	    {"::FFFF:1.2.3.4", "::ffff:1.2.3.4"},
	    {"1.2.3.4", "1.2.3.4"},
	};
	char buf[INET6_ADDRSTRLEN];
	struct sts_address address;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ok(parse(pairs[i][0], &address), "%s is read", pairs[i][0]);
		is_str(sts_address_text(&address, buf), pairs[i][1],
		    "%s as text", pairs[i][0]);
	}
}

int
main(void)
{
	struct sts_address address;

	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		ok(parse(private[i], &address) &&
			sts_address_is_private(&address),
		    "%s is private", private[i]);
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		ok(parse(public[i], &address) &&
			!sts_address_is_private(&address),
		    "%s is public", public[i]);
	memset(&address, 0, sizeof(address));
	ok(sts_address_is_private(&address),
	    "what is neither IPv4 nor IPv6 counts as private");
	same_address();
	text_forms();
	return tap_done();
}
