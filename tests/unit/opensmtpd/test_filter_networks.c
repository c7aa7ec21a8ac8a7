/* SPDX-License-Identifier: ISC */
/* Addresses and networks: who is local. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/child.h"
#include "opensmtpd/filter/filter_networks.h"
#include "tests/unit/lib/tap.h"

static const struct {
	const char *network;
	const char *endpoint;
	bool inside;
} rows[] = {
    {"192.0.2.0/24", "192.0.2.0:1", true},
    {"192.0.2.0/24", "192.0.2.255:65535", true},
    {"192.0.2.0/24", "192.0.3.0:1", false},
    {"192.0.2.128/25", "192.0.2.127:1", false},
    {"192.0.2.128/25", "192.0.2.128:1", true},
    {"192.0.2.1", "192.0.2.1:1", true},
    {"192.0.2.1", "192.0.2.2:1", false},
    {"192.0.2.1/32", "192.0.2.1:1", true},
    {"0.0.0.0/0", "203.0.113.1:1", true},
    {"0.0.0.0/0", "[2001:db8::1]:1", false},
    {"2001:db8::/32", "[2001:db8:ffff::1]:1", true},
    {"2001:db8::/32", "[2001:db9::1]:1", false},
    {"[2001:db8::]/33", "[2001:db8:7fff::1]:1", true},
    {"[2001:db8::]/33", "[2001:db8:8000::1]:1", false},
    {"2001:db8::1", "[2001:DB8::1]:1", true},
    {"::/0", "[2001:db8::1]:1", true},
    {"::/0", "192.0.2.1:1", false},
    {"192.0.2.0/24", "[::ffff:192.0.2.9]:1", true},
    {"::ffff:192.0.2.0/120", "192.0.2.9:1", true},
    {"fe80::/10", "[fe80::1%eth0]:25", true},
};

static const char *const bad_networks[] = {"", "/", "/24", "192.0.2.0/",
    "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x", "192.0.2/24", "::/129",
    "2001:db8::g", "example.org", "192.0.2.0/0024", "192.0.2.0/ 24"};

static const char *const bad_endpoints[] = {"", ":", "25", "192.0.2.1",
    "example.org:25", "[2001:db8::1]", "[]:25", "192.0.2.256:25"};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sts_networks n;
		struct sts_network address;

		/* This machine's own addresses shall not count here. */
		memset(&n, 0, sizeof(n));
		n.own_count = 1;
		n.own_ms = sts_monotonic_ms();
		ok(sts_networks_add(&n, rows[i].network), "%s is a network",
		    rows[i].network);
		ok(sts_endpoint_parse(rows[i].endpoint, &address) &&
			sts_networks_have(&n, &address) == rows[i].inside,
		    "%s is %sin %s", rows[i].endpoint,
		    rows[i].inside ? "" : "not ", rows[i].network);
	}
}

static void
test_bad(void)
{
	struct sts_networks n;
	struct sts_network address;

	memset(&n, 0, sizeof(n));
	for (size_t i = 0; i < sizeof(bad_networks) / sizeof(bad_networks[0]);
	     i++)
		ok(!sts_networks_add(&n, bad_networks[i]),
		    "\"%s\" is no network", bad_networks[i]);
	is_int((long long)n.named_count, 0, "none was added");
	for (size_t i = 0; i < sizeof(bad_endpoints) / sizeof(bad_endpoints[0]);
	     i++)
		ok(!sts_endpoint_parse(bad_endpoints[i], &address),
		    "\"%s\" is no endpoint", bad_endpoints[i]);
	for (int i = 0; i < STS_NETWORKS_MAX; i++)
		(void)sts_networks_add(&n, "192.0.2.1");
	ok(!sts_networks_add(&n, "192.0.2.1"), "there may be only so many");
}

/* Each address that an interface has, as smtpd would write it. */
static void
test_own(void)
{
	struct sts_networks n;
	struct ifaddrs *list, *i;
	unsigned tried = 0, had = 0;

	memset(&n, 0, sizeof(n));
	if (getifaddrs(&list) != 0)
		return;
	for (i = list; i != NULL; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN], endpoint[100];
		struct sts_network address;
		const void *bytes;
		int family;

		if (i->ifa_addr == NULL)
			continue;
		family = i->ifa_addr->sa_family;
		if (family == AF_INET)
			bytes = &((struct sockaddr_in *)(void *)i->ifa_addr)
				     ->sin_addr;
		else if (family == AF_INET6)
			bytes = &((struct sockaddr_in6 *)(void *)i->ifa_addr)
				     ->sin6_addr;
		else
			continue;
		(void)inet_ntop(family, bytes, text, sizeof(text));
		(void)snprintf(endpoint, sizeof(endpoint),
		    family == AF_INET ? "%s:25" : "[%s]:25", text);
		tried++;
		had += sts_endpoint_parse(endpoint, &address) &&
		    sts_networks_have(&n, &address);
	}
	freeifaddrs(list);
	is_int(had, tried, "all own addresses are local");
}

static void
test_socket(void)
{
	ok(sts_endpoint_is_socket("unix:/var/run/smtpd.sock"), "7.x and 6.8");
	ok(sts_endpoint_is_socket("local"), "the bare word");
	ok(!sts_endpoint_is_socket("localhost:25"), "no other word");
	ok(!sts_endpoint_is_socket("127.0.0.1:25"), "no address");
}

int
main(void)
{
	test_rows();
	test_bad();
	test_own();
	test_socket();
	return tap_done();
}
