/* SPDX-License-Identifier: ISC */
/*
 * A file system without locks (NFS whose lock daemon is down): a lookup goes
 * on without one, and mail to domains never looked up does not stop.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolver/lookup.h"
#include "resolver/resolver.h"
#include "store/file.h"
#include "store/lock.h"
#include "tests/unit/lib/tap.h"

enum { SOMEBODY = 65534 };

struct outcome {
	bool done;
	enum sts_status status;
};

static void
on_done(void *arg, enum sts_status status)
{
	struct outcome *o = arg;

	o->done = true;
	o->status = status;
}

/* A name server that has never heard of anything: NXDOMAIN. */
static void
answer(void *arg)
{
	int fd = *(int *)arg;
	unsigned char message[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t got = recvfrom(
	    fd, message, sizeof(message), 0, (struct sockaddr *)&from, &len);

	if (got < 12)
		return;
	message[2] = 0x81; /* an answer */
	message[3] = 0x83; /* RA, and the response code */
	(void)sendto(
	    fd, message, (size_t)got, 0, (struct sockaddr *)&from, len);
}

/* Its port, in host order; 0 where it cannot be had. */
static unsigned
open_name_server(int *fd)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(*fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.sin_port);
}

/* As if the file system refused: no write lock on what is only read. */
static void
break_locks(struct sts_store *store)
{
	int fd = openat(store->dir, "lock", O_RDONLY | O_CLOEXEC);

	ok(fd >= 0 && dup2(fd, store->lock_fd) >= 0, "the lock is broken");
	close(fd);
}

int
main(void)
{
	char dir[] = "/tmp/mta-sts-lock.XXXXXX", conf[64], remove[80];
	struct outcome o = {false, STS_INTERNAL};
	struct sts_check check;
	struct sts_resolver r;
	struct sts_config config;
	unsigned port;
	bool held;
	int server;
	FILE *file;

	if (mkdtemp(dir) == NULL)
		return 1;
	/* The state directory is never root's. */
	if (geteuid() == 0 &&
	    (chown(dir, SOMEBODY, SOMEBODY) != 0 || setgid(SOMEBODY) != 0 ||
		setuid(SOMEBODY) != 0))
		return 1;
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	if ((file = fopen(conf, "w")) == NULL)
		return 1;
	port = open_name_server(&server);
	fprintf(file, "state-dir %s\nnameserver 127.0.0.1:%u\n", dir, port);
	fclose(file);
	is_int(sts_config_load(&config, conf, NULL, NULL), STS_OK,
	    "a configuration");
	is_int(sts_resolver_open(&r, &config), STS_OK, "a resolver");
	ok(port != 0 &&
		sts_watch_start(r.loop, server, false, answer, &server) != NULL,
	    "a name server");
	break_locks(r.store);
	is_int(sts_lock_try(r.store, "a.example", &held), STS_STATE_UNWRITABLE,
	    "locks do not work");
	ok(sts_lookup_start(&r, "a.example", STS_TASK_LOOKUP, on_done, &o),
	    "a lookup starts");
	for (int i = 0; i < 50 && !o.done; i++)
		(void)sts_loop_step(r.loop, 100);
	is_str(sts_status_name(o.status), "ok", "and ends well");
	is_int(sts_store_read_check(r.store, "a.example", sts_now(), &check),
	    STS_OK, "with its result recorded");
	is_str(sts_status_name(check.reason), "no_record",
	    "which is the network's");
	sts_resolver_close(&r);
	sts_config_free(&config);
	snprintf(remove, sizeof(remove), "rm -rf %s", dir);
	return system(remove) != 0 ? 1 : tap_done();
}
