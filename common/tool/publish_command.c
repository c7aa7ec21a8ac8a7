/* SPDX-License-Identifier: ISC */
/*
 * `mta-sts publish DOMAIN`: from what the domain has, and from what the present
 * policy and record say, to what is published next.  Nothing is written before
 * all of it is known to be right.
 */
#include "tool/publish_command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "publish/publish.h"
#include "publish/zone.h"
#include "tool/examine_domain.h"

enum {
	NAMED_MAX = 5, /* in one message; the others are counted */
	NAMES_MAX = NAMED_MAX * (STS_PATTERN_MAX + 2) + 40,
	REFUSAL_MAX = NAMES_MAX + 400
};

static void refuse(struct sts_publication *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
refuse(struct sts_publication *p, const char *format, ...)
{
	char text[REFUSAL_MAX];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	(void)fprintf(p->tool->err, "mta-sts: %s: ", p->domain);
	sts_escape_write(p->tool->err, text, strlen(text));
	(void)putc('\n', p->tool->err);
}

/* What is there. */

static bool
read_policy(struct sts_policy *policy, const char *bytes, size_t len)
{
	return bytes != NULL &&
	    sts_policy_parse(policy, bytes, len, NULL, NULL) == STS_OK;
}

/* A file that is no policy is the operator's, and may be a slip of --write. */
static int
read_present(struct sts_publication *p)
{
	const struct sts_publish_file *f = &p->file;
	bool force = (p->tool->args.given & STS_OPT_FORCE) != 0;

	p->has_served = sts_published_policy(p->seen, &p->served);
	if (!p->has_file || f->bytes == NULL) {
		p->has_present = p->has_served;
		p->present = p->served;
		return STS_EXIT_OK;
	}
	p->has_present = read_policy(&p->present, f->bytes, f->len);
	if (p->has_present || f->len == 0 || force)
		return STS_EXIT_OK;
	return sts_tool_outside(p->tool,
	    "%s is there and is no policy (mta-sts lint policy says why): "
	    "remove it, or replace it with --force",
	    f->path);
}

/* What will be there. */

static void
add_hosts(struct sts_publication *p)
{
	for (size_t i = 0; i < p->seen->mx_count; i++)
		if (!sts_draft_permits(&p->draft, p->seen->mx[i].host))
			(void)sts_draft_add(&p->draft, p->seen->mx[i].host);
}

static void
make_draft(struct sts_publication *p)
{
	struct sts_draft *d = &p->draft;
	bool same_mode;

	if (p->has_present)
		sts_draft_take(d, &p->present);
	else
		d->mode = STS_MODE_TESTING;
	same_mode = !p->has_mode || p->mode == d->mode;
	if (p->has_mode)
		d->mode = p->mode;
	if (p->has_age)
		d->max_age = p->max_age;
	else if (!p->has_present || !same_mode)
		d->max_age = sts_draft_first_age(d->mode);
	if (p->patterns.mx_count > 0) {
		memcpy(d->mx, p->patterns.mx, sizeof(d->mx));
		d->mx_count = p->patterns.mx_count;
	} else if (d->mode != STS_MODE_NONE || !p->has_present)
		add_hosts(p);
	p->is_changed = !p->has_present || !sts_draft_is(d, &p->present);
}

/*
 * An id that was not made here says nothing of its policy: it stays where
 * neither the file nor what is served has another one.
 */
static void
choose_id(struct sts_publication *p)
{
	enum sts_status status = sts_published_id(p->seen, p->id);
	enum sts_zone_id judged = sts_zone_judge_id(p->id, &p->draft);

	p->id_is = STS_ID_POLICY_CHANGED;
	if (status != STS_OK)
		p->id_is = STS_ID_FIRST;
	else if (judged == STS_ZONE_ID_OF_THIS ||
	    (judged == STS_ZONE_ID_FOREIGN && !p->is_changed &&
		(!p->has_served || sts_publication_is_served(p))))
		p->id_is = STS_ID_KEPT;
	if (p->id_is != STS_ID_KEPT)
		sts_zone_new_id(&p->draft, p->tool->now, p->id);
}

/* Whether mail would arrive. */

static void
count_failed(struct sts_publication *p)
{
	for (size_t i = 0; i < p->seen->mx_count; i++) {
		const struct sts_published_mx *mx = &p->seen->mx[i];

		if (!mx->probed || mx->probe != STS_OK ||
		    !sts_draft_permits(&p->draft, mx->host))
			p->failed++;
	}
}

/* STS_EXIT_OK if a policy of these hosts can be written at all. */
static int
judge_hosts(struct sts_publication *p)
{
	const struct sts_published *seen = p->seen;

	if (p->draft.mode == STS_MODE_NONE || p->patterns.mx_count > 0)
		return STS_EXIT_OK;
	if (seen->mx_count == 0) {
		sts_publication_print_findings(p, p->tool->err);
		refuse(p,
		    "no MX host was found, so there is nothing to write a "
		    "policy for; --mx names hosts that are not in the DNS yet");
		return seen->mx_status == STS_OK ||
			seen->mx_status == STS_DNS_NODATA ||
			seen->mx_status == STS_DNS_NXDOMAIN ||
			seen->mx_status == STS_NULL_MX ||
			seen->mx_status == STS_NO_MX_HOST
		    ? STS_EXIT_NO
		    : STS_EXIT_OUTSIDE;
	}
	if (seen->mx_more > 0) {
		refuse(p,
		    "it has more MX hosts than are looked at: name them all "
		    "with --mx, or patterns such as *.mail.example.com");
		return STS_EXIT_NO;
	}
	return STS_EXIT_OK;
}

/* True if more mail would wait than with the present policy, or for longer. */
static bool
begins_to_enforce(const struct sts_publication *p)
{
	return p->draft.mode == STS_MODE_ENFORCE &&
	    (!p->has_present || p->present.mode != STS_MODE_ENFORCE ||
		p->draft.max_age > p->present.max_age);
}

/*
 * Enforcing what does not work yet would stop mail.  What is enforced already
 * may still get the host that it lacks.
 */
static int
judge_enforce(struct sts_publication *p)
{
	bool force = (p->tool->args.given & STS_OPT_FORCE) != 0;
	bool works = p->failed == 0 && p->seen->mx_count > 0;

	if (!begins_to_enforce(p) || force || (works && p->seen->mx_more == 0))
		return STS_EXIT_OK;
	if (works) {
		refuse(p,
		    "mode enforce is refused, as it has more MX hosts than are "
		    "looked at; see that --mx permits all, then insist with "
		    "--force");
		return STS_EXIT_NO;
	}
	sts_publication_print_findings(p, p->tool->err);
	refuse(p,
	    "mode enforce is refused, as mail would not reach the MX hosts "
	    "above; fix them, publish --mode testing meanwhile, or insist with "
	    "--force");
	return STS_EXIT_NO;
}

/* Names in a message. */
struct names {
	size_t count;
	char text[NAMES_MAX];
};

static void
add_name(struct names *names, const char *name)
{
	size_t used = strlen(names->text);

	if (names->count++ < NAMED_MAX)
		(void)snprintf(names->text + used, sizeof(names->text) - used,
		    "%s%s", used > 0 ? ", " : "", name);
}

static void
end_names(struct names *names)
{
	size_t used = strlen(names->text);

	if (names->count > NAMED_MAX)
		(void)snprintf(names->text + used, sizeof(names->text) - used,
		    " and %zu more", names->count - NAMED_MAX);
}

/* What an enforcing policy permits and the next one does not. */
static void
add_dropped(const struct sts_publication *p, const struct sts_policy *old,
    struct names *names)
{
	struct sts_mx_walk walk = {0};
	char pattern[STS_PATTERN_MAX + 1];

	while (old->mode == STS_MODE_ENFORCE &&
	    sts_policy_mx_next(old, &walk, pattern))
		if (!sts_draft_covers(&p->draft, pattern))
			add_name(names, pattern);
}

/*
 * Where the DNS does not show all MX hosts, the policies that enforce now are
 * all that is known of them: the file's, and that which the policy host serves.
 */
static void
find_dropped(const struct sts_publication *p, struct names *names)
{
	if (p->seen->mx_count > 0 && p->seen->mx_more == 0 &&
	    !p->seen->mx_implicit)
		return;
	if (p->has_present)
		add_dropped(p, &p->present, names);
	if (p->has_served && names->count == 0)
		add_dropped(p, &p->served, names);
	end_names(names);
}

static void
find_not_permitted(const struct sts_publication *p, struct names *names)
{
	for (size_t i = 0; i < p->seen->mx_count; i++)
		if (!sts_draft_permits(&p->draft, p->seen->mx[i].host))
			add_name(names, p->seen->mx[i].host);
	end_names(names);
}

static void
say_forced(struct sts_publication *p, const struct names *hosts,
    const struct names *dropped)
{
	if (hosts->count > 0)
		refuse(p,
		    "--force: the policy does not permit MX hosts that the DNS "
		    "has: %s; senders that enforce send no mail to them",
		    hosts->text);
	if (dropped->count > 0)
		refuse(p,
		    "--force: the policy no longer permits what it did, and "
		    "in the DNS it could not be seen whether they are still "
		    "needed: %s",
		    dropped->text);
}

static void
say_narrow(struct sts_publication *p, const struct names *hosts,
    const struct names *dropped)
{
	sts_publication_print_findings(p, p->tool->err);
	if (hosts->count > 0)
		refuse(p,
		    "mode enforce is refused, as the policy would not permit "
		    "MX hosts that the DNS has: %s; %s; publish --mode testing "
		    "meanwhile, or insist with --force",
		    hosts->text,
		    p->patterns.mx_count > 0
			? "leave --mx out, or name them in it"
			: "name them with --mx, or patterns such as "
			  "*.mail.example.com");
	if (dropped->count > 0)
		refuse(p,
		    "mode enforce is refused, as the policy would permit less "
		    "than it does, and in the DNS it could not be seen whether "
		    "they are still needed: %s; name them in --mx, run this "
		    "again when the DNS shows the MX hosts, or insist with "
		    "--force",
		    dropped->text);
}

/* Enforcing a policy without an MX host stops the mail to that host. */
static int
judge_permitted(struct sts_publication *p)
{
	struct names hosts = {0}, dropped = {0};

	if (p->draft.mode != STS_MODE_ENFORCE)
		return STS_EXIT_OK;
	find_not_permitted(p, &hosts);
	find_dropped(p, &dropped);
	if (hosts.count + dropped.count == 0)
		return STS_EXIT_OK;
	if ((p->tool->args.given & STS_OPT_FORCE) != 0) {
		say_forced(p, &hosts, &dropped);
		return STS_EXIT_OK;
	}
	say_narrow(p, &hosts, &dropped);
	return STS_EXIT_NO;
}

/* Writing. */

static int
write_file(struct sts_publication *p)
{
	char body[STS_DRAFT_BYTES];
	size_t len = sts_draft_write(&p->draft, body);

	if (!p->has_file)
		return STS_EXIT_OK;
	if (p->is_changed || p->file.bytes == NULL) {
		if (!sts_publish_file_write(&p->file, body, len))
			return sts_tool_outside(p->tool, "%s", p->file.problem);
		p->is_written = true;
	}
	if (p->has_server && p->server == STS_WEB_STATIC &&
	    p->file.root[0] != '\0' && !sts_publish_file_nojekyll(&p->file))
		return sts_tool_outside(p->tool, "%s", p->file.problem);
	return STS_EXIT_OK;
}

static int
publish(struct sts_publication *p)
{
	int code = sts_tool_domain(p->tool, 0, p->domain);

	if (code == STS_EXIT_OK)
		code = sts_publication_options(p);
	if (code == STS_EXIT_OK)
		code = sts_tool_examine_only(p->tool, p->domain, p->seen);
	if (code == STS_EXIT_OK)
		code = read_present(p);
	if (code != STS_EXIT_OK)
		return code;
	make_draft(p);
	choose_id(p);
	count_failed(p);
	code = judge_hosts(p);
	if (code == STS_EXIT_OK)
		code = judge_permitted(p);
	if (code == STS_EXIT_OK)
		code = judge_enforce(p);
	if (code == STS_EXIT_OK)
		code = write_file(p);
	if (code == STS_EXIT_OK)
		sts_publication_print(p);
	return code;
}

int
sts_tool_publish(struct sts_tool *tool)
{
	struct sts_publication *p = calloc(1, sizeof(*p));
	int code;

	if (p == NULL || (p->seen = calloc(1, sizeof(*p->seen))) == NULL) {
		free(p);
		return sts_tool_outside(
		    tool, "%s", sts_status_text(STS_NO_MEMORY));
	}
	p->tool = tool;
	p->file.folder = -1;
	code = publish(p);
	sts_publish_file_close(&p->file);
	sts_published_free(p->seen);
	free(p->seen);
	free(p);
	return code;
}
