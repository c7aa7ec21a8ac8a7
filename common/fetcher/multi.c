/* SPDX-License-Identifier: ISC */
#include "fetcher/multi.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/fault.h"

enum { LIBCURL_MIN = 0x075500 /* 7.85.0 */ };

/* A socket that libcurl wants watched. */
struct multi_socket {
	TAILQ_ENTRY(multi_socket) link;
	struct sts_multi *multi;
	curl_socket_t fd;
	struct sts_watch *reading, *writing;
};

struct sts_multi {
	struct sts_loop *loop;
	CURLM *curl;
	struct sts_timer timer;
	TAILQ_HEAD(, multi_socket) sockets;
	sts_multi_ended *ended;
	sts_multi_broken *broken;
	void *arg;
	bool socket_left; /* by a transfer, in the call under way */
};

static enum sts_status
status_of(CURLMcode code)
{
	if (code == CURLM_OK)
		return STS_OK;
	/* Only the callbacks here abort, and only without memory. */
	return code == CURLM_OUT_OF_MEMORY || code == CURLM_ABORTED_BY_CALLBACK
	    ? STS_NO_MEMORY
	    : STS_INTERNAL;
}

/* Reports ended transfers; returns their number. */
static unsigned
report_ended(struct sts_multi *multi)
{
	unsigned count = 0;
	CURLMsg *message;
	int left;

	/* A callback may end other transfers, whose messages then vanish. */
	while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
		char *private = NULL;

		count++;
		if (message->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
			&private) == CURLE_OK)
			multi->ended(private, message->data.result);
	}
	return count;
}

/* Lets libcurl act on one socket, or on its timeouts. */
static unsigned
act(struct sts_multi *multi, curl_socket_t fd, int events)
{
	int running;
	CURLMcode code =
	    curl_multi_socket_action(multi->curl, fd, events, &running);
	unsigned ended = report_ended(multi);

	if (code != CURLM_OK)
		multi->broken(multi->arg, status_of(code));
	return ended;
}

/*
 * Lets libcurl act on every transfer. 7.88 gives up a silent address when its
 * time is over, but tries the next one only when it is called for another
 * reason.
 */
static void
act_all(struct sts_multi *multi)
{
	int running;
	CURLMcode code;

#ifdef CURL_IGNORE_DEPRECATION
	CURL_IGNORE_DEPRECATION(
	    code = curl_multi_socket_all(multi->curl, &running);)
#else
	code = curl_multi_socket_all(multi->curl, &running);
#endif
	(void)report_ended(multi);
	if (code != CURLM_OK)
		multi->broken(multi->arg, status_of(code));
}

static void
on_readable(void *arg)
{
	struct multi_socket *s = arg;

	(void)act(s->multi, s->fd, CURL_CSELECT_IN);
}

static void
on_writable(void *arg)
{
	struct multi_socket *s = arg;

	(void)act(s->multi, s->fd, CURL_CSELECT_OUT);
}

static void
on_timeout(void *arg)
{
	struct sts_multi *multi = arg;

	multi->socket_left = false;
	if (act(multi, CURL_SOCKET_TIMEOUT, 0) == 0 && multi->socket_left)
		act_all(multi);
}

static bool
set_watch(
    struct multi_socket *s, struct sts_watch **watch, bool wanted, bool writing)
{
	struct sts_loop *loop = s->multi->loop;

	if (!wanted) {
		sts_watch_stop(loop, *watch);
		*watch = NULL;
	} else if (*watch == NULL)
		*watch = sts_watch_start(loop, (int)s->fd, writing,
		    writing ? on_writable : on_readable, s);
	return !wanted || *watch != NULL;
}

static void
forget_socket(struct multi_socket *s)
{
	(void)set_watch(s, &s->reading, false, false);
	(void)set_watch(s, &s->writing, false, true);
	TAILQ_REMOVE(&s->multi->sockets, s, link);
	free(s);
}

/* CURLMOPT_SOCKETFUNCTION; -1 (no memory) ends all transfers. */
static int
socket_state(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct sts_multi *multi = arg;
	struct multi_socket *s = socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		multi->socket_left = true;
		if (s != NULL)
			forget_socket(s);
		return 0;
	}
	if (s == NULL) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			return -1;
		s->multi = multi;
		s->fd = fd;
		TAILQ_INSERT_TAIL(&multi->sockets, s, link);
		if (curl_multi_assign(multi->curl, fd, s) != CURLM_OK) {
			forget_socket(s);
			return -1;
		}
	}
	if (!set_watch(s, &s->reading, (what & CURL_POLL_IN) != 0, false) ||
	    !set_watch(s, &s->writing, (what & CURL_POLL_OUT) != 0, true))
		return -1;
	return 0;
}

/*
 * CURLMOPT_TIMERFUNCTION. libcurl counts microseconds, the loop milliseconds: a
 * call too early would be requested again and again.
 */
static int
set_timeout(CURLM *curl, long timeout_ms, void *arg)
{
	struct sts_multi *multi = arg;

	(void)curl;
	if (timeout_ms < 0)
		sts_timer_clear(multi->loop, &multi->timer);
	else
		sts_timer_set(multi->loop, &multi->timer,
		    timeout_ms > 0 ? (int64_t)timeout_ms + 1 : 0, on_timeout,
		    multi);
	return 0;
}

static bool
set_options(struct sts_multi *multi)
{
	CURLM *curl = multi->curl;

	return curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, socket_state) ==
	    CURLM_OK &&
	    curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
	    curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timeout) ==
	    CURLM_OK &&
	    curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi) == CURLM_OK;
}

/*
 * libcurl may have several TLS libraries; those not in use are in parentheses:
 * "(GnuTLS/3.7.9) OpenSSL/3.0.15".
 */
enum sts_status
sts_multi_check(char *detail, size_t size)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	const char *tls =
	    info->ssl_version != NULL ? info->ssl_version : "none";

	if (info->version_num >= LIBCURL_MIN &&
	    (strncmp(tls, "OpenSSL/", 8) == 0 ||
		strstr(tls, " OpenSSL/") != NULL))
		return STS_OK;
	(void)snprintf(detail, size,
	    "libcurl %s with %s cannot be used: 7.85.0 with OpenSSL is needed",
	    info->version, tls);
	return STS_INTERNAL;
}

enum sts_status
sts_multi_create(struct sts_multi **out, struct sts_loop *loop,
    sts_multi_ended *ended, sts_multi_broken *broken, void *arg)
{
	struct sts_multi *multi;
	enum sts_status status = STS_OK;

	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return STS_NO_MEMORY;
	if ((multi = calloc(1, sizeof(*multi))) == NULL) {
		curl_global_cleanup();
		return STS_NO_MEMORY;
	}
	multi->loop = loop;
	multi->ended = ended;
	multi->broken = broken;
	multi->arg = arg;
	TAILQ_INIT(&multi->sockets);
	if ((multi->curl = curl_multi_init()) == NULL) {
		status = sts_fault_descriptors();
		if (status == STS_OK)
			status = STS_NO_MEMORY;
	} else if (!set_options(multi))
		status = STS_INTERNAL;
	if (status == STS_OK)
		*out = multi;
	else
		sts_multi_destroy(multi);
	return status;
}

void
sts_multi_destroy(struct sts_multi *multi)
{
	struct multi_socket *s;

	if (multi == NULL)
		return;
	if (multi->curl != NULL)
		(void)curl_multi_cleanup(multi->curl);
	while ((s = TAILQ_FIRST(&multi->sockets)) != NULL)
		forget_socket(s);
	sts_timer_clear(multi->loop, &multi->timer);
	free(multi);
	curl_global_cleanup();
}

enum sts_status
sts_multi_add(struct sts_multi *multi, CURL *easy)
{
	return status_of(curl_multi_add_handle(multi->curl, easy));
}

void
sts_multi_remove(struct sts_multi *multi, CURL *easy)
{
	(void)curl_multi_remove_handle(multi->curl, easy);
}
