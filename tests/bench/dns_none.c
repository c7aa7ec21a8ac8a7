/* SPDX-License-Identifier: ISC */
/*
 * A name server for benches: NXDOMAIN to everything, as fast as it comes.
 * Prints the port that it took on 127.0.0.1, and ends with its standard input.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void
answer_all(int fd)
{
	unsigned char message[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t got;

	while ((got = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &len)) >= 12) {
		message[2] = 0x85; /* an answer, authoritative */
		message[3] = 0x83;
		(void)sendto(
		    fd, message, (size_t)got, 0, (struct sockaddr *)&from, len);
	}
}

int
main(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int size = 4 * 1024 * 1024, fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
		    {.fd = STDIN_FILENO, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
			return 0;
		answer_all(fd);
	}
}
