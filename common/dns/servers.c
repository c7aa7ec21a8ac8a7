/* SPDX-License-Identifier: ISC */
#include "dns/servers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/readfile.h"

enum {
	LOOK_MS = 1000 /* between two checks of the system's file */
};

struct sts_servers {
	unsigned references;
	struct sts_nameserver_list list;
	struct sts_lane *lanes[STS_NAMESERVERS_MAX];
	struct sts_attempt_list control;
	int64_t control_ms; /* when they were last sent */
};

struct sts_server_source {
	struct sts_loop *loop;
	const char *path;    /* NULL: the configuration's servers */
	struct stat version; /* of the file that was read */
	int64_t looked_ms;   /* INT64_MIN: never */
	struct sts_servers *present;
};

/* Lists. */

void
sts_servers_release(struct sts_servers *servers)
{
	if (servers == NULL || --servers->references > 0)
		return;
	sts_attempts_forget(&servers->control);
	for (size_t i = 0; i < servers->list.count; i++)
		sts_lane_destroy(servers->lanes[i]);
	free(servers);
}

static struct sts_servers *
make(struct sts_loop *loop, const struct sts_nameserver_list *list)
{
	struct sts_servers *servers = calloc(1, sizeof(*servers));

	if (servers == NULL)
		return NULL;
	servers->references = 1;
	servers->list = *list;
	servers->control_ms = INT64_MIN;
	TAILQ_INIT(&servers->control);
	for (size_t i = 0; i < list->count; i++) {
		servers->lanes[i] =
		    sts_lane_create(loop, &servers->list.server[i]);
		if (servers->lanes[i] == NULL) {
			sts_servers_release(servers);
			return NULL;
		}
	}
	return servers;
}

size_t
sts_servers_count(const struct sts_servers *servers)
{
	return servers->list.count;
}

struct sts_lane *
sts_servers_lane(struct sts_servers *servers, size_t i)
{
	return servers->lanes[i];
}

const struct sts_nameserver *
sts_servers_server(const struct sts_servers *servers, size_t i)
{
	return &servers->list.server[i];
}

bool
sts_servers_alive(const struct sts_servers *servers, int64_t at_ms)
{
	for (size_t i = 0; i < servers->list.count; i++) {
		if (sts_lane_useful_ms(servers->lanes[i]) >=
		    at_ms - STS_CONTROL_MS)
			return true;
	}
	return false;
}

/* The control questions. */

static void
control_ended(void *arg, size_t server, const struct sts_answer *answer)
{
	/* The lane has noted it. */
	(void)arg;
	(void)server;
	(void)answer;
}

void
sts_control_ask(
    struct sts_lane *lane, const struct sts_ask_options *but_for_question)
{
	struct sts_ask_options options = *but_for_question;

	options.control = true;
	options.name = ".";
	options.type = STS_TYPE_NS;
	sts_lane_ask(lane, &options);
	options.name = "root-servers.net";
	options.type = STS_TYPE_SOA;
	sts_lane_ask(lane, &options);
}

void
sts_servers_control(struct sts_servers *servers)
{
	int64_t now = sts_monotonic_ms();
	struct sts_ask_options options = {
	    .list = &servers->control, .ended = control_ended};

	if (servers->control_ms != INT64_MIN &&
	    now - servers->control_ms < STS_CONTROL_MS)
		return;
	servers->control_ms = now;
	/* The lane still notes a late answer to the previous one. */
	sts_attempts_forget(&servers->control);
	for (size_t i = 0; i < servers->list.count; i++)
		sts_control_ask(servers->lanes[i], &options);
}

bool
sts_servers_in_control(const struct sts_servers *servers)
{
	return !TAILQ_EMPTY(&servers->control);
}

/* The source of the lists. */

/* Questions that began with the old list keep it until they end. */
static enum sts_status
replace(
    struct sts_server_source *source, const struct sts_nameserver_list *list)
{
	struct sts_servers *made = make(source->loop, list);

	if (made == NULL)
		return STS_NO_MEMORY;
	sts_servers_release(source->present);
	source->present = made;
	return STS_OK;
}

/* Reads the system's file if it has changed. */
static enum sts_status
load(struct sts_server_source *source)
{
	struct sts_nameserver_list list;
	enum sts_status status;
	struct stat version;

	if (stat(source->path, &version) != 0)
		memset(&version, 0, sizeof(version));
	if (source->present != NULL &&
	    sts_is_same_version(&version, &source->version))
		return STS_OK;
	status = sts_nameserver_system(&list, source->path);
	if (status == STS_OK)
		status = replace(source, &list);
	if (status == STS_OK)
		source->version = version;
	return status;
}

enum sts_status
sts_server_source_create(struct sts_server_source **out, struct sts_loop *loop,
    const struct sts_config *config, const char *path)
{
	struct sts_server_source *source = calloc(1, sizeof(*source));
	struct sts_nameserver_list list;
	enum sts_status status = STS_NO_MEMORY;

	*out = NULL;
	if (source == NULL)
		return status;
	source->loop = loop;
	source->looked_ms = INT64_MIN;
	status = sts_nameserver_config(&list, config);
	if (status == STS_OK && list.count > 0)
		status = replace(source, &list);
	else
		source->path = path;
	if (status == STS_OK)
		*out = source;
	else
		sts_server_source_destroy(source);
	return status;
}

void
sts_server_source_destroy(struct sts_server_source *source)
{
	if (source != NULL)
		sts_servers_release(source->present);
	free(source);
}

enum sts_status
sts_servers_take(struct sts_servers **out, struct sts_server_source *source)
{
	int64_t now = sts_monotonic_ms();
	enum sts_status status = STS_OK;

	*out = NULL;
	if (source->path != NULL &&
	    (source->looked_ms == INT64_MIN ||
		now - source->looked_ms >= LOOK_MS)) {
		status = load(source);
		/* After a fault the next question checks again. */
		source->looked_ms = status == STS_OK ? now : INT64_MIN;
	}
	if (status != STS_OK)
		return status;
	source->present->references++;
	*out = source->present;
	return STS_OK;
}
