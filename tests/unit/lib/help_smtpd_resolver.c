/* SPDX-License-Identifier: ISC */
/*
 * Stands in for mta-sts-resolver, serving, without a network: what it finds out
 * about a domain, and how it misbehaves, is said by the name.
 *
 *     enforce testing none   the policy it writes; else it writes "no policy"
 *     nomx                   the policy permits none of the MX hosts
 *     badcert deadmx         what the last probe of all MX hosts says
 *     downmx                 a probe finds that the first MX host is dead
 *     still                  a lookup changes nothing
 *     slowN                  answers after N milliseconds
 *     hang crash fault       never answers; dies; answers with a local fault
 *     stop                   stops itself (SIGSTOP)
 *
 * Each start and each request is a line of DIR/ran beside the state directory.
 * Where DIR/dies exists it dies at once; where DIR/mute exists it reads, and
 * says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/child.h"
#include "base/config.h"
#include "store/routes.h"

struct request {
	struct request *next;
	int64_t due_ms;
	char what[16];
	char domain[STS_NAME_MAX + 1];
};

static struct sts_config config;
static char here[400];
static struct request *requests;

static void
note(const char *what, const char *name)
{
	char path[450], line[600];
	int len = snprintf(line, sizeof(line), "%s%s%s\n", what,
	    name[0] != '\0' ? " " : "", name);
	int fd;

	snprintf(path, sizeof(path), "%s/ran", here);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (fd < 0 || write(fd, line, (size_t)len) < 0)
		exit(9);
	close(fd);
}

static bool
flag(const char *name)
{
	char path[450];

	snprintf(path, sizeof(path), "%s/%s", here, name);
	return access(path, F_OK) == 0;
}

static void
write_policy(struct sts_store *store, const char *domain, const char *mode)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {
	    .checked = now, .next_check = now + config.recheck, .used = now};
	struct sts_policy policy;
	struct sts_entry e;
	char body[800];
	bool replaced;
	size_t len;

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	len = (size_t)(strstr(domain, "nomx") != NULL
		? snprintf(body, sizeof(body),
		      "version: STSv1\nmode: %s\nmx: other.example\n"
		      "max_age: 604800\n",
		      mode)
		: snprintf(body, sizeof(body),
		      "version: STSv1\nmode: %s\nmx: mx1.%s\nmx: mx2.%s\n"
		      "max_age: 604800\n",
		      mode, domain, domain));
	if (sts_policy_parse(&policy, body, len, NULL, NULL) != STS_OK ||
	    sts_entry_make(
		&e, domain, "id1", &policy, now, 0, config.recheck) != STS_OK)
		exit(9);
	(void)sts_store_write_policy(store, &e, now, &replaced);
	(void)sts_store_write_check(store, &c);
	sts_entry_free(&e);
}

static void
write_none(struct sts_store *store, const char *domain)
{
	int64_t now = (int64_t)time(NULL);
	struct sts_check c = {.reason = STS_NO_RECORD,
	    .checked = now,
	    .next_check = now + config.recheck,
	    .until = now + config.negative_ttl,
	    .used = now};

	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	(void)sts_store_write_check(store, &c);
}

static void
write_routes(struct sts_store *store, const char *domain)
{
	struct sts_routes r = {.count = 2};

	snprintf(r.domain, sizeof(r.domain), "%s", domain);
	r.recorded = time(NULL);
	for (int i = 0; i < 2; i++) {
		struct sts_route *route = &r.route[i];

		snprintf(route->host, sizeof(route->host), "mx%d.%.240s", i + 1,
		    domain);
		route->preference = 10 * (i + 1);
		route->permitted = strstr(domain, "nomx") == NULL;
		route->address_count = 1;
		snprintf(route->address[0], STS_ADDRESS_TEXT_MAX, "192.0.2.%d",
		    i + 1);
		if (strstr(domain, "badcert") != NULL)
			route->probe = STS_MX_CERT_EXPIRED;
		if (strstr(domain, "deadmx") != NULL)
			route->probe = STS_MX_CONNECT;
		if (route->probe != STS_OK)
			route->probed = r.recorded;
	}
	(void)sts_store_write_routes(store, &r);
}

/* Of mxN.DOMAIN, where a probe is to find out something. */
static void
record_probe(const char *host)
{
	const char *domain = host + strcspn(host, ".") + 1;
	struct sts_store *store;
	struct sts_routes r;

	if (strstr(host, "downmx") == NULL ||
	    sts_store_open(&store, config.state_dir, true) != STS_OK)
		return;
	if (sts_store_read_routes(store, domain, time(NULL), &r) == STS_OK) {
		for (size_t i = 0; i < r.count; i++) {
			if (strcmp(r.route[i].host, host) != 0)
				continue;
			r.route[i].probed = time(NULL);
			r.route[i].probe = i == 0 ? STS_MX_CONNECT : STS_OK;
		}
		(void)sts_store_write_routes(store, &r);
	}
	sts_store_close(store);
}

static void
record(const char *what, const char *domain)
{
	static const char *const modes[] = {"enforce", "testing", "none"};
	struct sts_store *store;

	if (sts_store_open(&store, config.state_dir, true) != STS_OK)
		return;
	if (strcmp(what, "routes") == 0)
		write_routes(store, domain);
	else if (strstr(domain, "still") == NULL) {
		size_t i = 0;

		while (i < 3 && strstr(domain, modes[i]) == NULL)
			i++;
		if (i < 3)
			write_policy(store, domain, modes[i]);
		else
			write_none(store, domain);
	}
	sts_store_close(store);
}

static void
say(const char *line)
{
	if (!flag("mute") && write(1, line, strlen(line)) < 0)
		exit(0);
}

static bool
is_refreshing(void)
{
	for (const struct request *q = requests; q != NULL; q = q->next) {
		if (strcmp(q->what, "refresh") == 0)
			return true;
	}
	return false;
}

/* A stopped process does not see its starter end. */
static void
stop(void)
{
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	raise(SIGSTOP);
}

/* False where it is never answered. */
static bool
answer(const char *what, const char *domain)
{
	char line[400];

	if (strstr(domain, "hang") != NULL)
		return false;
	if (strcmp(what, "refresh-all") == 0 && is_refreshing())
		return false;
	if (strstr(domain, "crash") != NULL)
		raise(SIGKILL);
	if (strstr(domain, "stop") != NULL)
		stop();
	if (strstr(domain, "fault") != NULL)
		snprintf(line, sizeof(line), "done %s %s fault ca_unusable\n",
		    what, domain);
	else {
		if (strcmp(what, "probe") != 0 &&
		    strcmp(what, "refresh-all") != 0)
			record(what, domain);
		snprintf(line, sizeof(line), "done %s %s ok\n", what, domain);
	}
	say(line);
	return true;
}

static int64_t
delay_of(const char *domain)
{
	const char *slow = strstr(domain, "slow");

	return slow != NULL ? atoi(slow + 4) : 0;
}

static void take_line(char *line);

static bool
refresh_one(void *arg, const char *domain)
{
	char line[STS_NAME_MAX + 16];
	struct sts_entry e;
	int64_t age = 0;

	if (sts_store_read_policy(arg, domain, time(NULL), &e) == STS_OK) {
		age = time(NULL) - e.fetched;
		sts_entry_free(&e);
	}
	snprintf(line, sizeof(line), "refresh %s", domain);
	if (age >= config.refresh_after)
		take_line(line);
	return true;
}

/* The last answer is its own: the list has what came last in front. */
static void
refresh_all(void)
{
	struct request *q = calloc(1, sizeof(*q));
	struct sts_store *store;

	if (q == NULL)
		exit(9);
	strcpy(q->what, "refresh-all");
	strcpy(q->domain, "*");
	q->next = requests;
	requests = q;
	note(q->what, "");
	if (sts_store_open(&store, config.state_dir, false) != STS_OK)
		return;
	(void)sts_store_walk(store, STS_KIND_POLICY, refresh_one, store);
	sts_store_close(store);
}

static void
take_line(char *line)
{
	struct request *q = calloc(1, sizeof(*q));

	if (q == NULL)
		exit(9);
	if (strncmp(line, "probe ", 6) == 0)
		record_probe(line + 6);
	note(line, "");
	if (sscanf(line, "%15s %253s", q->what, q->domain) != 2 ||
	    strstr(" lookup routes refresh refetch probe ", q->what) == NULL) {
		say("bad\n");
		free(q);
		return;
	}
	q->due_ms = sts_monotonic_ms() + delay_of(q->domain);
	q->next = requests;
	requests = q;
}

/* Answers what is due; returns the time until the next, or -1. */
static int
answer_due(void)
{
	struct request **at = &requests;
	int64_t next = -1;

	while (*at != NULL) {
		struct request *q = *at;
		int64_t left = q->due_ms - sts_monotonic_ms();

		if (left <= 0 && answer(q->what, q->domain)) {
			*at = q->next;
			free(q);
			continue;
		}
		if (left > 0 && (next < 0 || left < next))
			next = left;
		at = &q->next;
	}
	return (int)next;
}

static int
serve(void)
{
	char buf[8192];
	size_t len = 0;
	bool open = true;

	note("serve", "");
	while (open || requests != NULL) {
		struct pollfd p = {open ? 0 : -1, POLLIN, 0};
		int wait = answer_due();
		char *feed;
		ssize_t n;

		if (!open && wait < 0)
			return 0;
		if (poll(&p, 1, wait) <= 0)
			continue;
		n = read(0, buf + len, sizeof(buf) - len);
		if (n <= 0)
			open = false;
		len += n > 0 ? (size_t)n : 0;
		while ((feed = memchr(buf, '\n', len)) != NULL) {
			size_t used = (size_t)(feed - buf) + 1;

			*feed = '\0';
			if (strcmp(buf, "refresh-all") == 0)
				refresh_all();
			else
				take_line(buf);
			memmove(buf, buf + used, len - used);
			len -= used;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const char *file = NULL;
	char *slash;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-f") == 0 && i + 1 < argc)
			file = argv[++i];
	}
	if (sts_config_load(&config, file, NULL, NULL) != STS_OK)
		return 8;
	snprintf(here, sizeof(here), "%s", config.state_dir);
	if ((slash = strrchr(here, '/')) != NULL)
		*slash = '\0';
	(void)signal(SIGPIPE, SIG_IGN);
	if (flag("dies")) {
		note("dies", "");
		return 3;
	}
	return serve();
}
