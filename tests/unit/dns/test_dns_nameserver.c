/* SPDX-License-Identifier: ISC */
/*
 * Which name servers are asked: the forms of an address, resolv.conf(5), and
 * a file that changes.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/nameserver.h"
#include "dns/servers.h"
#include "loop/loop.h"
#include "tests/unit/lib/tap.h"

static char scratch[] = "/tmp/sts-nameserver-XXXXXX";
static char path[64];

/* "address port zone" of what a text means; "-" where it means nothing. */
static const char *
meaning(const struct sts_nameserver *server)
{
	static char text[128];
	char address[INET6_ADDRSTRLEN];
	bool v6 = server->at.u.sa.sa_family == AF_INET6;
	const void *binary = v6 ? (const void *)&server->at.u.v6.sin6_addr
				: (const void *)&server->at.u.v4.sin_addr;

	if (!server->usable)
		return "-";
	(void)inet_ntop(
	    v6 ? AF_INET6 : AF_INET, binary, address, sizeof(address));
	snprintf(text, sizeof(text), "%s %u %s", address,
	    ntohs(v6 ? server->at.u.v6.sin6_port : server->at.u.v4.sin_port),
	    server->at.zone[0] != '\0' ? server->at.zone : "-");
	return text;
}

static void
forms(void)
{
	static const struct {
		const char *text, *meaning;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1 53 -"},
	    {"192.0.2.1:5353", "192.0.2.1 5353 -"},
	    {"2001:db8::1", "2001:db8::1 53 -"},
	    {"[2001:db8::1]", "2001:db8::1 53 -"},
	    {"[2001:db8::1]:5353", "2001:db8::1 5353 -"},
	    {"2001:db8::1:53", "2001:db8::1:53 53 -"},
	    {"fe80::1%eth0", "fe80::1 53 eth0"},
	    {"[fe80::1%eth0]", "fe80::1 53 eth0"},
	    {"[fe80::1%eth0]:54", "fe80::1 54 eth0"},
	    {"fe80::1%2", "fe80::1 53 2"},
	    {"fe80::1%", "-"},
	    {"%eth0", "-"},
	    {"[fe80::1]%eth0", "-"},
	    {"[fe80::1%eth0", "-"},
	    {"192.0.2.1%eth0", "-"},
	    {"fe80::1%a-name-that-is-much-too-long", "-"},
	    {"192.0.2.1:", "-"},
	    {"192.0.2.1:0", "-"},
	    {"192.0.2.1:65536", "-"},
	    {"192.0.2.1:53x", "-"},
	    {"[192.0.2.1]:53", "-"},
	    {"localhost", "-"},
	    {"", "-"},
	};
	struct sts_nameserver server;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)sts_nameserver_parse(&server, cases[i].text);
		is_str(meaning(&server), cases[i].meaning, "nameserver \"%s\"",
		    cases[i].text);
		is_str(server.text, cases[i].text, "and its text is kept");
	}
}

static void
write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		exit(1);
}

/* All of a file's servers, by their meaning. */
static const char *
servers_of(const char *text)
{
	static char all[512];
	struct sts_nameserver_list list;

	write_file(text);
	if (sts_nameserver_system(&list, path) != STS_OK)
		return "cannot be read";
	all[0] = '\0';
	for (size_t i = 0; i < list.count; i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s",
		    i > 0 ? ", " : "", meaning(&list.server[i]));
	}
	return all;
}

/* "nameserver 192.0.2.1" at `at` and, at the end, "nameserver 192.0.2.77". */
static void
write_large(size_t at, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		exit(1);
	memset(text, '#', size);
	for (size_t i = 63; i < size; i += 64)
		text[i] = '\n';
	text[at - 1] = '\n';
	memcpy(text + at, "nameserver 192.0.2.1\n", 21);
	memcpy(text + size - 22, "\nnameserver 192.0.2.77", 22);
	text[size] = '\0';
	write_file(text);
	free(text);
}

/* Nothing is lost in a large one, and no line is taken by its half. */
static void
large_file(void)
{
	static char text[700 * 1024];
	struct sts_nameserver_list list;

	for (size_t size = 65530; size < 65564; size++) {
		write_large(100, size);
		if (sts_nameserver_system(&list, path) != STS_OK ||
		    list.count != 2 ||
		    strcmp(list.server[1].text, "192.0.2.77") != 0)
			is_int((long long)size, 0, "%s",
			    list.server[list.count - 1].text);
	}
	ok(true, "resolv.conf: a line around 64 KiB");
	write_large(300000, sizeof(text));
	(void)sts_nameserver_system(&list, path);
	is_int((long long)list.count, 2, "resolv.conf: lines of 700 KiB");
	ok(!list.server[0].implied, "none of them implied");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "nameserver ", 11);
	write_file(text);
	(void)sts_nameserver_system(&list, path);
	is_int(list.server[0].usable, false,
	    "resolv.conf: one endless line is no address");
	unlink(path);
	(void)sts_nameserver_system(&list, path);
	ok(list.server[0].implied, "no file: implied");
}

static void
system_file(void)
{
	static const struct {
		const char *text, *servers, *what;
	} cases[] = {
	    {"nameserver 192.0.2.1\n", "192.0.2.1 53 -", "one"},
	    {"nameserver 192.0.2.1", "192.0.2.1 53 -", "no final newline"},
	    {"nameserver\t192.0.2.1 \t\r\n", "192.0.2.1 53 -", "blanks"},
	    {"nameserver 192.0.2.1#x\n", "192.0.2.1 53 -", "a comment"},
	    {"nameserver fe80::1%eth0\nnameserver 192.0.2.1\n",
		"fe80::1 53 eth0, 192.0.2.1 53 -", "a zone index"},
	    {"nameserver ::1\nnameserver ::2\nnameserver ::3\n"
	     "nameserver ::4\n",
		"::1 53 -, ::2 53 -, ::3 53 -", "the first three of four"},
	    {"nameserver ns.example\n", "-", "a name stays, unusable"},
	    {"", "127.0.0.1 53 -", "an empty file"},
	    {"search a.test\noptions ndots:2\n# nameserver ::1\n"
	     " nameserver ::1\nnameservers ::1\nnameserver\nNAMESERVER ::1\n",
		"127.0.0.1 53 -", "no line of this kind"},
	};
	struct sts_nameserver_list list;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(servers_of(cases[i].text), cases[i].servers,
		    "resolv.conf: %s", cases[i].what);
	is_int(sts_nameserver_system(
		   &list, "tests/unit/data/resolv.conf.link-local"),
	    STS_OK, "as SLAAC writes it");
	is_str(meaning(&list.server[0]), "fe80::53 53 eth0",
	    "the zone is not lost");
	unlink(path);
	is_int(sts_nameserver_system(&list, path), STS_OK, "no file");
	is_str(meaning(&list.server[0]), "127.0.0.1 53 -",
	    "means a name server on this host");
	is_int(sts_nameserver_system(&list, "/"), STS_CONFIG,
	    "a file that cannot be read is a local fault");
	large_file();
}

static void
addresses(void)
{
	struct sts_nameserver server;
	struct sockaddr_storage out;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&out;

	(void)sts_nameserver_parse(&server, "fe80::1%lo");
	is_int((long long)sts_nameserver_address(&server, &out), sizeof(*v6),
	    "an interface of this machine");
	is_int(v6->sin6_scope_id, if_nametoindex("lo"), "by its name");
	(void)sts_nameserver_parse(&server, "fe80::1%77");
	(void)sts_nameserver_address(&server, &out);
	is_int(v6->sin6_scope_id, 77, "by its number");
	(void)sts_nameserver_parse(&server, "fe80::1%nosuchif");
	is_int((long long)sts_nameserver_address(&server, &out), 0,
	    "a zone that is no interface is no address at all");
	(void)sts_nameserver_parse(&server, "ns.example");
	is_int((long long)sts_nameserver_address(&server, &out), 0,
	    "nor is a name");
	(void)sts_nameserver_parse(&server, "192.0.2.1:54");
	is_int((long long)sts_nameserver_address(&server, &out),
	    sizeof(struct sockaddr_in), "IPv4");
}

/* The text of the first server that would be asked now. */
static const char *
first(struct sts_server_source *source)
{
	static char text[STS_NAMESERVER_TEXT];
	struct sts_servers *servers;

	if (sts_servers_take(&servers, source) != STS_OK)
		return "a fault";
	snprintf(
	    text, sizeof(text), "%s", sts_servers_server(servers, 0)->text);
	sts_servers_release(servers);
	return text;
}

static void
changes(void)
{
	struct sts_config config = {0};
	struct sts_server_source *source;
	struct sts_servers *old;
	struct sts_loop *loop;

	write_file("nameserver 192.0.2.1\n");
	if (sts_loop_create(&loop) != STS_OK ||
	    sts_server_source_create(&source, loop, &config, path) != STS_OK)
		exit(1);
	is_str(first(source), "192.0.2.1", "the file's server");
	(void)sts_servers_take(&old, source);
	write_file("nameserver 192.0.2.2\n");
	is_str(first(source), "192.0.2.1", "looked at once a second only");
	usleep(1100000);
	is_str(first(source), "192.0.2.2", "a file that has changed is read");
	is_str(sts_servers_server(old, 0)->text, "192.0.2.1",
	    "who began with the old list keeps it");
	sts_servers_release(old);
	unlink(path);
	if (mkdir(path, 0700) != 0)
		exit(1);
	usleep(1100000);
	is_str(first(source), "a fault", "unreadable: a fault");
	rmdir(path);
	write_file("nameserver 192.0.2.3\n");
	is_str(first(source), "192.0.2.3", "that lasts no longer than it does");
	sts_server_source_destroy(source);
	sts_loop_destroy(loop);
}

int
main(void)
{
	if (mkdtemp(scratch) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/resolv.conf", scratch);
	forms();
	system_file();
	addresses();
	changes();
	unlink(path);
	rmdir(scratch);
	return tap_done();
}
