/* SPDX-License-Identifier: ISC */
/*
 * Postfix's side of a policy daemon, the socketmap protocol:
 *
 *	ask_map PORT MAP CONNECTIONS FIRST DOMAINS COUNT
 *
 * asks 127.0.0.1:PORT for nN.example, DOMAINS numbers from FIRST in turn, COUNT
 * times in all, one question under way on each connection.  Prints the CPU that
 * it took itself and the seconds that passed, both in microseconds a question,
 * and how many answers were not NOTFOUND.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 8192 };

struct connection {
	char answer[ANSWER_MAX];
	size_t len;
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd fds[CONNECTIONS_MAX];
static long asked, answered, found, count, first, domains;
static const char *map;

static double
now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool
open_connection(int port, struct pollfd *fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	fd->events = POLLIN;
	fd->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd->fd >= 0 &&
	    connect(fd->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static bool
ask(int fd)
{
	char text[200], netstring[256];
	int len;

	if (asked == count)
		return true;
	len = snprintf(text, sizeof(text), "%s n%ld.example", map,
	    first + asked++ % domains);
	len = snprintf(netstring, sizeof(netstring), "%d:%s,", len, text);
	return send(fd, netstring, (size_t)len, 0) == len;
}

/* "LENGTH:BYTES,"; false where the connection is of no more use. */
static bool
take(struct connection *c, int fd)
{
	ssize_t got = recv(fd, c->answer + c->len, ANSWER_MAX - 1 - c->len, 0);
	char *text;
	size_t len;

	if (got <= 0)
		return false;
	c->len += (size_t)got;
	c->answer[c->len] = '\0';
	if ((text = strchr(c->answer, ':')) == NULL)
		return true;
	len = strtoul(c->answer, NULL, 10);
	if (c->len < (size_t)(text + 1 - c->answer) + len + 1)
		return true;
	found += strncmp(text + 1, "NOTFOUND", 8) != 0;
	answered++;
	c->len = 0;
	return ask(fd);
}

static bool
run(nfds_t number)
{
	for (nfds_t i = 0; i < number; i++) {
		if (!ask(fds[i].fd))
			return false;
	}
	while (answered < count) {
		if (poll(fds, number, 60000) <= 0)
			return false;
		for (nfds_t i = 0; i < number; i++) {
			if (fds[i].revents != 0 &&
			    !take(&connections[i], fds[i].fd))
				return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	double cpu, began;
	nfds_t number;

	if (argc != 7 || (number = (nfds_t)atol(argv[3])) > CONNECTIONS_MAX)
		return 2;
	map = argv[2];
	first = atol(argv[4]);
	domains = atol(argv[5]);
	count = atol(argv[6]);
	for (nfds_t i = 0; i < number; i++) {
		if (!open_connection(atoi(argv[1]), &fds[i]))
			return 1;
	}
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	began = now_us(CLOCK_MONOTONIC);
	if (!run(number)) {
		fprintf(stderr, "ask_map: %ld of %ld were answered\n", answered,
		    count);
		return 1;
	}
	printf("%.3f %.3f %ld\n",
	    (now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)count,
	    (now_us(CLOCK_MONOTONIC) - began) / (double)count, found);
	return 0;
}
