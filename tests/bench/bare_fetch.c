/* SPDX-License-Identifier: ISC */
/*
 * What a fetch is measured against: one loop of c-ares and curl_multi that
 * asks for the TXT record and the addresses of the policy host, and gets the
 * policy.  It writes nothing down; with BARE_STORE=DIRECTORY it keeps each
 * policy there as a sender must that survives a power cut: a temporary file,
 * synced, renamed, and the directory synced.
 *
 * usage: bare_fetch DNS-PORT HTTPS-PORT CA-FILE IN-FLIGHT DOMAIN...
 *
 * Name servers and policy hosts are on 127.0.0.1.  Prints how many policies
 * came.
 */
#define CARES_NO_DEPRECATED

#include <ares.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

enum {
	TYPE_A = 1,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	TIMEOUT_MS = 20000
};

struct fetch {
	char host[300];
	int waiting; /* address queries without an answer */
	struct curl_slist *resolve;
	CURL *easy;
	size_t len;
	char body[65536];
};

static ares_channel channel;
static CURLM *multi;
static const char *https_port, *ca_file;
static char **names;
static int left, under_way, policies;

static int store = -1;

static void start_next(void);

static void
end(struct fetch *f)
{
	if (f->easy != NULL) {
		curl_multi_remove_handle(multi, f->easy);
		curl_easy_cleanup(f->easy);
	}
	curl_slist_free_all(f->resolve);
	free(f);
	under_way--;
	start_next();
}

static size_t
take(char *bytes, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	size_t len = size * count;

	if (len > sizeof(f->body) - f->len)
		return 0;
	memcpy(f->body + f->len, bytes, len);
	f->len += len;
	return len;
}

static void
transfer(struct fetch *f)
{
	char url[400], entry[400];

	f->easy = curl_easy_init();
	snprintf(url, sizeof(url), "https://%s:%s/.well-known/mta-sts.txt",
	    f->host, https_port);
	snprintf(entry, sizeof(entry), "%s:%s:127.0.0.1", f->host, https_port);
	f->resolve = curl_slist_append(NULL, entry);
	curl_easy_setopt(f->easy, CURLOPT_URL, url);
	curl_easy_setopt(f->easy, CURLOPT_RESOLVE, f->resolve);
	curl_easy_setopt(f->easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	curl_multi_add_handle(multi, f->easy);
}

static void
on_address(void *arg, int code, int timeouts, unsigned char *wire, int len)
{
	struct fetch *f = arg;

	(void)code;
	(void)timeouts;
	(void)wire;
	(void)len;
	if (--f->waiting == 0)
		transfer(f);
}

static void
on_record(void *arg, int code, int timeouts, unsigned char *wire, int len)
{
	struct fetch *f = arg;
	struct ares_txt_ext *list = NULL;

	(void)timeouts;
	if (code != ARES_SUCCESS ||
	    ares_parse_txt_reply_ext(wire, len, &list) != ARES_SUCCESS) {
		end(f);
		return;
	}
	ares_free_data(list);
	f->waiting = 2;
	ares_query(channel, f->host, CLASS_IN, TYPE_A, on_address, f);
	ares_query(channel, f->host, CLASS_IN, TYPE_AAAA, on_address, f);
}

static void
start_next(void)
{
	struct fetch *f;
	char name[300];

	if (left == 0 || (f = calloc(1, sizeof(*f))) == NULL)
		return;
	left--;
	under_way++;
	snprintf(f->host, sizeof(f->host), "mta-sts.%s", *names);
	snprintf(name, sizeof(name), "_mta-sts.%s", *names++);
	ares_query(channel, name, CLASS_IN, TYPE_TXT, on_record, f);
}

/* False where it is not on the disk. */
static bool
keep(const struct fetch *f)
{
	int fd = openat(store, ".tmp", O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool kept = fd >= 0 && write(fd, f->body, f->len) == (ssize_t)f->len &&
	    fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return kept && renameat(store, ".tmp", store, f->host) == 0 &&
	    fsync(store) == 0;
}

static void
transfers_ended(void)
{
	CURLMsg *message;
	int more;

	while ((message = curl_multi_info_read(multi, &more)) != NULL) {
		char *private = NULL;

		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, &private);
		policies += message->data.result == CURLE_OK &&
		    (store < 0 || keep((struct fetch *)(void *)private));
		end((struct fetch *)(void *)private);
	}
}

static void
step(void)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	struct curl_waitfd wait[ARES_GETSOCK_MAXNUM];
	unsigned count = 0;
	int running;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		if (ARES_GETSOCK_READABLE(bits, i))
			wait[count++] = (struct curl_waitfd){
			    sockets[i], CURL_WAIT_POLLIN, 0};
	}
	curl_multi_poll(multi, wait, count, 1000, NULL);
	for (unsigned i = 0; i < count; i++)
		ares_process_fd(channel, wait[i].fd, ARES_SOCKET_BAD);
	curl_multi_perform(multi, &running);
	transfers_ended();
}

int
main(int argc, char **argv)
{
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
	struct ares_options options = {.timeout = 5000,
	    .tries = 2,
	    .flags = ARES_FLAG_NOSEARCH,
	    .servers = &loopback,
	    .nservers = 1};
	char servers[64];

	if (argc < 6)
		return 2;
	https_port = argv[2];
	ca_file = argv[3];
	names = argv + 5;
	left = argc - 5;
	if (getenv("BARE_STORE") != NULL &&
	    (store = open(getenv("BARE_STORE"), O_RDONLY | O_DIRECTORY)) < 0)
		return 2;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	snprintf(servers, sizeof(servers), "127.0.0.1:%s", argv[1]);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
	    ares_init_options(&channel, &options,
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS |
		    ARES_OPT_SERVERS) != ARES_SUCCESS ||
	    ares_set_servers_ports_csv(channel, servers) != ARES_SUCCESS)
		return 3;
	for (int i = atoi(argv[4]); i > 0; i--)
		start_next();
	while (under_way > 0)
		step();
	printf("%d\n", policies);
	return 0;
}
