/* SPDX-License-Identifier: ISC */
/*
 * What a lookup is compared with: a program that links c-ares alone and asks
 * for the same TXT records.
 *
 *	bare_cares ADDRESS:PORT FLIGHT COUNT [DIRECTORY]
 *
 * asks for _mta-sts.nN.example, N from 0 to COUNT - 1, with FLIGHT questions
 * under way at a time, and prints the CPU that it took: "COUNT USEC", in
 * microseconds a question, the start of the process included where COUNT is 1.
 * With a directory it makes a file of 256 bytes there for each answer, as every
 * lookup leaves what it learnt, without a lock and without reading first.
 */
#define CARES_NO_DEPRECATED

#include <ares.h>
#include <arpa/nameser.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

static ares_channel channel;
static long asked, answered, failed, count, flight;
static const char *directory;

static void ask(void);

/* It fails where the directory cannot be written. */
static void
write_file(void)
{
	char path[256], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/n%ld.example", directory, answered);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	failed += fd < 0 || write(fd, text, sizeof(text)) < 0;
	close(fd);
}

static void
done(void *arg, int code, int timeouts, unsigned char *wire, int len)
{
	struct ares_txt_ext *list = NULL;

	(void)arg;
	(void)timeouts;
	answered++;
	if (directory != NULL)
		write_file();
	if (code == ARES_SUCCESS)
		code = ares_parse_txt_reply_ext(wire, len, &list);
	if (list != NULL)
		ares_free_data(list);
	failed += code != ARES_SUCCESS && code != ARES_ENOTFOUND &&
	    code != ARES_ENODATA;
	ask();
}

static void
ask(void)
{
	char name[64];

	if (asked == count || asked - answered >= flight)
		return;
	snprintf(name, sizeof(name), "_mta-sts.n%ld.example", asked++);
	ares_query(channel, name, ns_c_in, ns_t_txt, done, NULL);
}

static void
run(void)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct timeval second = {1, 0}, tv, *left;

	for (long i = 0; i < flight; i++)
		ask();
	while (answered < count) {
		struct pollfd fds[ARES_GETSOCK_MAXNUM];
		int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
		nfds_t n = 0;

		for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
			if (ARES_GETSOCK_READABLE(bits, i))
				fds[n++] = (struct pollfd){
				    .fd = sockets[i], .events = POLLIN};
		}
		left = ares_timeout(channel, &second, &tv);
		(void)poll(
		    fds, n, (int)(left->tv_sec * 1000 + left->tv_usec / 1000));
		for (nfds_t i = 0; i < n; i++)
			ares_process_fd(channel,
			    fds[i].revents != 0 ? fds[i].fd : ARES_SOCKET_BAD,
			    ARES_SOCKET_BAD);
	}
}

int
main(int argc, char **argv)
{
	struct ares_options options = {
	    .flags = ARES_FLAG_NOSEARCH, .timeout = 5000, .tries = 1};
	struct rusage use;
	double us;

	if (argc != 4 && argc != 5)
		return 2;
	directory = argv[4];
	flight = atol(argv[2]);
	count = atol(argv[3]);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
	    ares_init_options(&channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) !=
		ARES_SUCCESS ||
	    ares_set_servers_ports_csv(channel, argv[1]) != ARES_SUCCESS)
		return 1;
	run();
	getrusage(RUSAGE_SELF, &use);
	us = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
	printf("%ld %.2f\n", count, us / (double)count);
	ares_destroy(channel);
	ares_library_cleanup();
	return failed > 0;
}
