/* SPDX-License-Identifier: ISC */
/*
 * Whether the resolver and the fetcher start and answer, as their user: mode
 * bits do not show missing libraries, a noexec mount or a security module.
 */
#include "tool/overview.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cursor.h"
#include "fetcher/wire.h"
#include "tool/config_check.h"

enum { ANSWER_MS = 10000, LIFETIME = 15 };

/* Reads the fetcher's hello; STS_FETCHER_DIED without one. */
static enum sts_status
read_hello(struct sts_child *child, struct sts_wire_hello *hello)
{
	int64_t end_ms = sts_monotonic_ms() + ANSWER_MS;
	char line[STS_WIRE_REPLY_MAX];
	ssize_t len =
	    sts_child_read(child, line, sizeof(line) - 1, true, end_ms);

	(void)sts_child_finish(child, end_ms);
	if (len < 0)
		return STS_FETCHER_TIMEOUT;
	if (len == 0)
		return STS_FETCHER_DIED;
	if (line[len - 1] != '\n' ||
	    !sts_wire_parse_hello(
		(struct sts_span){line, (size_t)len - 1}, hello))
		return STS_FETCHER_REPLY;
	return hello->status;
}

static enum sts_status
try_fetcher(const struct sts_config *config, const struct stat *st,
    struct sts_wire_hello *hello)
{
	struct sts_child_spec spec = {.path = config->fetcher,
	    .argv = {"mta-sts-fetcher", "--check"},
	    .drop = geteuid() == 0,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .want_stdout = true,
	    .lifetime = LIFETIME};
	struct sts_child child;
	enum sts_status status;
	size_t argc = 2;

	if (config->ca_file != NULL) {
		spec.argv[argc++] = "--ca-file";
		spec.argv[argc++] = config->ca_file;
	}
	if (config->ca_path != NULL) {
		spec.argv[argc++] = "--ca-path";
		spec.argv[argc++] = config->ca_path;
	}
	status = sts_child_start(&child, &spec);
	if (status == STS_RESOLVER_MISSING)
		return STS_FETCHER_MISSING;
	return status == STS_OK ? read_hello(&child, hello) : status;
}

static void
check_fetcher(struct sts_overview *o, const struct sts_config *config,
    const struct stat *st)
{
	struct sts_wire_hello hello = {.status = STS_OK};
	enum sts_status status = try_fetcher(config, st, &hello);

	if (status == STS_OK) {
		(void)snprintf(o->fetcher_state, sizeof(o->fetcher_state),
		    "works, sandbox %s", hello.sandbox);
		return;
	}
	(void)snprintf(o->fetcher_state, sizeof(o->fetcher_state), "%s",
	    sts_status_text(status));
	/* The check of the files has reported it. */
	if (status == STS_FETCHER_MISSING &&
	    (geteuid() == 0 || geteuid() == st->st_uid))
		return;
	sts_report_problem(&o->findings, STS_FIND_ERROR,
	    "install it, or set fetcher in mta-sts.conf",
	    "fetcher %s: %s%s%s; no policy can be fetched", config->fetcher,
	    sts_status_text(status), hello.detail[0] != '\0' ? ": " : "",
	    hello.detail);
}

static void
check_resolver(struct sts_overview *o, const struct sts_config *config)
{
	struct sts_nameserver_count count;

	sts_check_nameservers(&o->findings, config, &count);
	if (count.asked > 0) {
		o->nameservers = (int64_t)count.asked;
		o->nameservers_answering = (int64_t)count.answered;
	}
	(void)snprintf(o->resolver_state, sizeof(o->resolver_state), "%s",
	    count.asked > 0 ? "works" : "does not answer");
}

void
sts_overview_programs(struct sts_overview *o, const struct sts_config *config)
{
	struct stat st;

	/* Without a usable owner they cannot run; that was reported. */
	if (stat(config->state_dir, &st) != 0 ||
	    (geteuid() == 0 && (st.st_uid == 0 || st.st_gid == 0)))
		return;
	check_resolver(o, config);
	check_fetcher(o, config, &st);
}
