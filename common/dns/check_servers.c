/* SPDX-License-Identifier: ISC */
#include "dns/check_servers.h"

#include <stdbool.h>

#include "base/child.h"
#include "dns/channel.h"
#include "dns/reply.h"
#include "dns/servers.h"
#include "loop/loop.h"

enum { HEADER = 12 };

struct check {
	unsigned waiting; /* questions without an answer */
	enum sts_status fault;
	enum sts_health health;
	int detail;
};

/* What one answer says about the server. */
static struct check
check_reply(const struct sts_answer *answer)
{
	switch (answer->outcome) {
	case STS_FAULT:
		return (struct check){
		    .fault = answer->fault, .health = STS_HEALTH_SILENT};
	case STS_UNREACHABLE:
		return (struct check){.health = answer->error != 0
			? STS_HEALTH_UNREACHABLE
			: STS_HEALTH_NO_ZONE,
		    .detail = answer->error};
	case STS_ANSWERED:
		if (sts_reply_is_useful(answer->wire, answer->len))
			return (struct check){.health = STS_HEALTH_ANSWERED};
		return (struct check){.health = STS_HEALTH_FAILED,
		    .detail =
			answer->len < HEADER ? 0 : answer->wire[3] & 0x0f};
	default:
		return (struct check){.health = STS_HEALTH_GARBAGE};
	}
}

/* The first answer counts, unless another one is useful. */
static void
ended(void *arg, size_t server, const struct sts_answer *answer)
{
	struct check *check = arg;
	unsigned waiting = check->waiting - 1;
	struct check one = check_reply(answer);

	(void)server;
	if (check->fault == STS_OK &&
	    (check->health == STS_HEALTH_SILENT ||
		one.health == STS_HEALTH_ANSWERED || one.fault != STS_OK))
		*check = one;
	check->waiting = waiting;
}

static bool
is_over(const struct check *check)
{
	return check->waiting == 0 || check->fault != STS_OK ||
	    check->health == STS_HEALTH_ANSWERED;
}

/* Runs the loop until the check has ended or its time is up. */
static enum sts_status
await(struct sts_loop *loop, const struct check *check)
{
	int64_t left, end = sts_monotonic_ms() + STS_CHECK_MS;
	enum sts_status status = STS_OK;

	while (status == STS_OK && !is_over(check) &&
	    (left = end - sts_monotonic_ms()) > 0)
		status = sts_loop_step(loop, (int)left);
	return status != STS_OK ? status : check->fault;
}

static enum sts_status
check_one(struct sts_loop *loop, struct sts_lane *lane, struct check *check)
{
	struct sts_attempt_list attempts = TAILQ_HEAD_INITIALIZER(attempts);
	struct sts_ask_options options = {
	    .alone = true, .list = &attempts, .ended = ended, .arg = check};
	enum sts_status status;

	*check = (struct check){
	    .health = STS_HEALTH_SILENT, .waiting = STS_CONTROL_QUESTIONS};
	sts_control_ask(lane, &options);
	status = await(loop, check);
	sts_attempts_forget(&attempts);
	return status;
}

static enum sts_status
check_all(struct sts_loop *loop, struct sts_servers *servers,
    sts_health_seen *seen, void *arg)
{
	enum sts_status status = STS_OK;

	for (size_t i = 0; status == STS_OK && i < sts_servers_count(servers);
	     i++) {
		const struct sts_nameserver *server =
		    sts_servers_server(servers, i);
		struct check check = {.health = STS_HEALTH_UNUSABLE};

		if (server->usable)
			status = check_one(
			    loop, sts_servers_lane(servers, i), &check);
		if (status == STS_OK)
			seen(arg, server, check.health, check.detail);
	}
	return status;
}

enum sts_status
sts_nameservers_check(
    const struct sts_config *config, sts_health_seen *seen, void *arg)
{
	struct sts_loop *loop = NULL;
	struct sts_server_source *source = NULL;
	struct sts_servers *servers = NULL;
	enum sts_status status = sts_channel_library_start();

	if (status != STS_OK)
		return status;
	status = sts_loop_create(&loop);
	if (status == STS_OK)
		status = sts_server_source_create(
		    &source, loop, config, STS_SYSTEM_FILE);
	if (status == STS_OK)
		status = sts_servers_take(&servers, source);
	if (status == STS_OK)
		status = check_all(loop, servers, seen, arg);
	sts_servers_release(servers);
	sts_server_source_destroy(source);
	sts_loop_destroy(loop);
	sts_channel_library_stop();
	return status;
}
