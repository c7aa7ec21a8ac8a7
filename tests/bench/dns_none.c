/* SPDX-License-Identifier: ISC */
/*
 * A name server for benches: NXDOMAIN to everything or, with "policies", a
 * record for each _mta-sts.NAME, 127.0.0.1 for each mta-sts.NAME, and else no
 * such record.
 *
 *	dns_none [MICROSECONDS [PORT [policies]]]
 *
 * Prints the port that it took on 127.0.0.1, and ends with its standard input.
 * It answers at once or, with an argument, each question after a time of its
 * own, half to one and a half times as long: as answers come from a network,
 * one by one, and not as many as were asked for, together.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HELD_MAX = 1024,
	MESSAGE_MAX = 512,
	HEADER = 12,
	TYPE_A = 1,
	TYPE_TXT = 16
};

struct question {
	int64_t due_ns;
	struct sockaddr_in from;
	size_t len;
	unsigned char message[MESSAGE_MAX];
};

static struct question held[HELD_MAX];
static size_t held_count;
static int64_t delay_ns;
static bool has_policies;

static int64_t
now_ns(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Where the question ends; 0 where it is none. */
static size_t
question_end(const struct question *q)
{
	size_t at = HEADER;

	while (at < q->len && q->message[at] != 0)
		at += 1u + q->message[at];
	return at + 5 <= q->len ? at + 5 : 0;
}

static bool
begins(const struct question *q, const char *label)
{
	size_t len = strlen(label);

	return q->message[HEADER] == len &&
	    memcmp(q->message + HEADER + 1, label, len) == 0;
}

/* Appends a record about the name that was asked for. */
static void
add_record(struct question *q, size_t end, const void *data, size_t len)
{
	unsigned char *p = q->message + end;
	const unsigned char head[] = {0xc0, HEADER, q->message[end - 4],
	    q->message[end - 3], 0, 1, 0, 0, 14, 16, 0, (unsigned char)len};

	if (end + sizeof(head) + len > sizeof(q->message))
		return;
	memcpy(p, head, sizeof(head));
	memcpy(p + sizeof(head), data, len);
	q->message[7] = 1;
	q->len = end + sizeof(head) + len;
}

static void
answer_policy(struct question *q)
{
	static const char text[] = "\x10v=STSv1; id=1234";
	static const unsigned char loopback[] = {127, 0, 0, 1};
	size_t end = question_end(q);
	int type;

	q->message[3] = 0x80;
	memset(q->message + 6, 0, 6); /* no record yet, EDNS neither */
	if (end == 0)
		return;
	q->len = end;
	type = q->message[end - 4] << 8 | q->message[end - 3];
	if (type == TYPE_TXT && begins(q, "_mta-sts"))
		add_record(q, end, text, sizeof(text) - 1);
	else if (type == TYPE_A && begins(q, "mta-sts"))
		add_record(q, end, loopback, sizeof(loopback));
}

static void
answer(int fd, struct question *q)
{
	q->message[2] = 0x85; /* an answer, authoritative */
	q->message[3] = 0x83;
	if (has_policies)
		answer_policy(q);
	(void)sendto(fd, q->message, q->len, 0, (struct sockaddr *)&q->from,
	    sizeof(q->from));
}

static void
take_all(int fd)
{
	while (held_count < HELD_MAX) {
		struct question *q = &held[held_count];
		socklen_t len = sizeof(q->from);
		ssize_t got = recvfrom(fd, q->message, sizeof(q->message),
		    MSG_DONTWAIT, (struct sockaddr *)&q->from, &len);

		if (got < 12)
			return;
		q->len = (size_t)got;
		if (delay_ns == 0) {
			answer(fd, q);
			continue;
		}
		q->due_ns = now_ns() + delay_ns / 2 +
		    (int64_t)((double)delay_ns * rand() / RAND_MAX);
		held_count++;
	}
}

/* Answers what is due; returns when the next one is, INT64_MAX for none. */
static int64_t
answer_due(int fd)
{
	int64_t now = now_ns(), next = INT64_MAX;

	for (size_t i = 0; i < held_count;) {
		if (held[i].due_ns <= now) {
			answer(fd, &held[i]);
			held[i] = held[--held_count];
			continue;
		}
		if (held[i].due_ns < next)
			next = held[i].due_ns;
		i++;
	}
	return next;
}

static bool
step(int fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
	    {.fd = STDIN_FILENO, .events = POLLIN}};
	int64_t next = answer_due(fd), left = next - now_ns();
	struct timespec wait = {0, left > 0 ? (long)(left % 1000000000) : 0};

	if (ppoll(fds, 2, next == INT64_MAX ? NULL : &wait, NULL) < 0 ||
	    fds[1].revents != 0)
		return false;
	take_all(fd);
	return true;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int size = 4 * 1024 * 1024, fd = socket(AF_INET, SOCK_DGRAM, 0);

	delay_ns = argc > 1 ? atol(argv[1]) * 1000 : 0;
	address.sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 0));
	has_policies = argc > 3;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	while (step(fd))
		continue;
	return 0;
}
