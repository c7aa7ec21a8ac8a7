/* SPDX-License-Identifier: ISC */
#include "tool/examine_domain.h"

#include <unistd.h>

#include "tool/access.h"
#include "tool/resolver_lines.h"

/* For programs to start and to end on a slow machine. */
enum { GRACE_MS = 15000 };

struct examination {
	struct sts_tool *tool;
	struct sts_published *p;
	bool terminal;
	int64_t shown;
};

static void
take_line(void *arg, char *line)
{
	struct examination *x = arg;

	(void)sts_published_read(x->p, line);
	if (!x->terminal || x->p->done == x->shown)
		return;
	x->shown = x->p->done;
	(void)fprintf(x->tool->err, "\rchecking: %lld of %lld ",
	    (long long)x->p->done, (long long)x->p->total);
	(void)fflush(x->tool->err);
}

static void
clear_progress(const struct examination *x)
{
	if (x->terminal && x->shown > 0)
		(void)fprintf(x->tool->err, "\r%30s\r", "");
}

/* Without it the ids are not compared. */
static void
read_store(struct sts_tool *tool, struct sts_published *p)
{
	struct sts_store *store = NULL;
	struct sts_entry entry;

	if (sts_store_open(&store, tool->config.state_dir, false) != STS_OK)
		return;
	if (sts_store_read_policy(store, p->domain, tool->now, &entry) ==
	    STS_OK) {
		(void)sts_published_store(
		    p, entry.id, entry.body, entry.body_len);
		sts_entry_free(&entry);
	}
	sts_store_close(store);
}

static int
refuse(struct sts_tool *tool, enum sts_status status)
{
	const char *more = "";

	if (status == STS_NO_NAMESERVER)
		more = "; mta-sts config check says which are silent";
	else if (status == STS_STATE_MISSING || status == STS_STATE_OWNER)
		more = "; make it with: mta-sts setup --user NAME; or run this "
		       "as a user other than root";
	return sts_tool_outside(tool, "nothing can be checked: %s (%s)%s",
	    sts_status_text(status), sts_status_name(status), more);
}

int
sts_tool_examine_only(
    struct sts_tool *tool, const char *domain, struct sts_published *p)
{
	const char *arguments[] = {"--examine", domain, NULL};
	struct examination x = {.tool = tool,
	    .p = p,
	    .terminal = tool->err == stderr && isatty(STDERR_FILENO)};
	const struct sts_config *config = &tool->config;
	enum sts_status status;

	sts_published_init(p, domain);
	status = sts_tool_resolver_lines(config, arguments,
	    sts_config_examine_ms(config) + GRACE_MS, take_line, &x);
	clear_progress(&x);
	if (status == STS_OK)
		status = p->ended ? p->outcome : STS_RESOLVER_DIED;
	return status == STS_OK ? STS_EXIT_OK : refuse(tool, status);
}

int
sts_tool_examine(
    struct sts_tool *tool, const char *domain, struct sts_published *p)
{
	enum sts_status status = sts_tool_become_owner(&tool->config);
	int code;

	/* Who publishes need not send. */
	if (status == STS_STATE_MISSING && sts_tool_become_nobody())
		status = STS_OK;
	if (status != STS_OK) {
		sts_published_init(p, domain);
		return refuse(tool, status);
	}
	code = sts_tool_examine_only(tool, domain, p);
	if (code == STS_EXIT_OK)
		read_store(tool, p);
	return code;
}
