/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts query` takes the same path as a delivery, through the client.  Only
 * the MX hosts are extra: Exim finds them itself.
 */
#include "tool/query_command.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "client/ask.h"
#include "core/domain.h"
#include "tool/out.h"
#include "tool/tool.h"

enum { PROBES_S = 120 /* for the probes of all hosts of a domain */ };

/* By the policy that decides: an override's may differ from the resolver's. */
static void
match_hosts(struct sts_query *query)
{
	for (size_t i = 0; query->answer.has_entry && i < query->routes.count;
	     i++) {
		struct sts_route *r = &query->routes.route[i];

		r->permitted =
		    sts_policy_permits(&query->answer.entry.policy, r->host);
	}
}

/* Reads what the resolver has stored about the MX hosts. */
static void
read_routes(struct sts_tool *tool, struct sts_query *query)
{
	struct sts_store *store;

	if (sts_store_open(&store, tool->config.state_dir, false) != STS_OK)
		return;
	query->now = time(NULL);
	query->has_routes = sts_store_read_routes(store, query->answer.domain,
				query->now, &query->routes) == STS_OK;
	sts_store_close(store);
	if (query->has_routes)
		match_hosts(query);
}

/*
 * Has the MX hosts probed, which only a resolver in serving mode does; it ends
 * when it has answered all requests.
 */
static void
probe_hosts(struct sts_tool *tool, const struct sts_routes *routes)
{
	int64_t end_ms = sts_monotonic_ms() + PROBES_S * 1000;
	struct sts_child child;
	void (*on_pipe)(int);

	if (sts_client_serve(&tool->config, PROBES_S, &child) != STS_OK)
		return;
	if (isatty(STDERR_FILENO))
		(void)fprintf(tool->err, "mta-sts: probing %zu MX host%s\n",
		    routes->count, routes->count == 1 ? "" : "s");
	/* All of it fits into an empty pipe; but the resolver may have died. */
	on_pipe = signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < routes->count; i++)
		(void)dprintf(child.in_fd, "probe %s\n", routes->route[i].host);
	(void)signal(SIGPIPE, on_pipe);
	/* Its answers fit into its pipe; the results are in the store. */
	(void)sts_child_finish(&child, end_ms);
}

/*
 * Has the resolver look up the MX hosts, and reads the result.  If that fails,
 * the answer is shown without them.
 */
static void
load_routes(struct sts_tool *tool, struct sts_query *query)
{
	const char *domain = query->answer.domain;
	const char *const arguments[] = {"--once", "--routes", domain, NULL};
	int64_t seconds =
	    tool->config.fetch_timeout + 4 * tool->config.dns_timeout + 10;
	struct sts_child child;

	if (sts_client_start_resolver(&tool->config, arguments, &child) !=
	    STS_OK)
		return;
	(void)sts_child_finish(&child, sts_monotonic_ms() + seconds * 1000);
	read_routes(tool, query);
	if ((tool->args.given & STS_OPT_PROBE) != 0 && query->has_routes &&
	    query->routes.count > 0) {
		probe_hosts(tool, &query->routes);
		read_routes(tool, query);
		query->probed = true;
	}
}

/*
 * True if the only fault is that this user may not read the store, which says
 * nothing about deliveries.
 */
static bool
lacks_rights(const struct sts_tool *tool, const struct sts_answer *answer)
{
	struct stat st;

	return sts_status_is_local(answer->why) && !answer->has_entry &&
	    geteuid() != 0 && stat(tool->config.state_dir, &st) == 0 &&
	    st.st_uid != geteuid();
}

int
sts_tool_query(struct sts_tool *tool)
{
	char domain[STS_NAME_MAX + 1];
	const char *asked = sts_tool_domain_part(tool, 0);
	struct sts_query query = {.asked = asked};
	struct sts_store *store;
	int code;

	/* A delivery gets an answer for all other names. */
	if (sts_domain_normalise(asked, domain) == STS_BAD_DOMAIN)
		return sts_tool_no_domain(tool, 0, STS_BAD_DOMAIN);
	/* Without an owner to become, the answer says what is wrong. */
	(void)sts_tool_become_owner(&tool->config);
	sts_ask(&tool->config, asked, NULL, &query.answer);
	query.now = time(NULL); /* asking takes a while */
	if (lacks_rights(tool, &query.answer)) {
		code = sts_tool_open_store(tool, true, &store);
		sts_store_close(store);
		if (code != STS_EXIT_OK)
			goto out;
	}
	if (query.answer.domain[0] != '\0' &&
	    !sts_status_is_local(query.answer.why))
		load_routes(tool, &query);
	code = sts_query_delivers(&query) ? STS_EXIT_OK : STS_EXIT_NO;
	if ((tool->args.given & STS_OPT_JSON) == 0)
		sts_query_print(tool->out, &query);
	else if (!sts_query_print_json(tool->out, &query))
		code = sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
out:
	sts_answer_free(&query.answer);
	return code;
}
