/* SPDX-License-Identifier: ISC */
/* The command line of `mta-sts publish`. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "publish/zone.h"
#include "tool/publish_command.h"

static int refuse(struct sts_publication *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(struct sts_publication *p, const char *format, ...)
{
	char text[STS_PUBLISH_PATH + 256];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	(void)fputs("mta-sts: ", p->tool->err);
	sts_escape_write(p->tool->err, text, strlen(text));
	(void)putc('\n', p->tool->err);
	return STS_EXIT_USAGE;
}

bool
sts_publication_each(
    const char *list, bool (*take)(void *arg, const char *name), void *arg)
{
	char name[STS_NAME_MAX + 8];

	while (list != NULL) {
		size_t len = strcspn(list, ",");

		if (len >= sizeof(name))
			return false;
		memcpy(name, list, len);
		name[len] = '\0';
		if (!take(arg, name))
			return false;
		list = list[len] == ',' ? list + len + 1 : NULL;
	}
	return true;
}

static int
read_mode(struct sts_publication *p)
{
	const char *word = p->tool->args.mode;

	if (word == NULL)
		return STS_EXIT_OK;
	for (int mode = STS_MODE_NONE; mode <= STS_MODE_ENFORCE; mode++) {
		if (strcmp(sts_mode_name((enum sts_mode)mode), word) == 0) {
			p->mode = (enum sts_mode)mode;
			p->has_mode = true;
			return STS_EXIT_OK;
		}
	}
	return refuse(p, "--mode is testing, enforce or none, not %s", word);
}

static int
read_age(struct sts_publication *p)
{
	const char *word = p->tool->args.max_age;

	if (word == NULL)
		return STS_EXIT_OK;
	p->has_age = true;
	if (strspn(word, "0123456789") == strlen(word) && strlen(word) <= 10)
		p->max_age = strtoll(word, NULL, 10);
	if (p->max_age < 1 || p->max_age > STS_MAX_AGE_LIMIT)
		return refuse(p, "--max-age is 1 to %d seconds, not %s",
		    (int)STS_MAX_AGE_LIMIT, word);
	return STS_EXIT_OK;
}

static bool
take_pattern(void *arg, const char *name)
{
	return sts_draft_add(arg, name) == STS_OK;
}

struct hosts {
	unsigned names, addresses;
};

static bool
take_host(void *arg, const char *name)
{
	struct hosts *hosts = arg;
	const char *type = sts_zone_host_type(name);

	if (type != NULL && strcmp(type, "CNAME") == 0)
		hosts->names++;
	else
		hosts->addresses++;
	/* A CNAME record stands alone. */
	return type != NULL &&
	    (hosts->names == 0 || hosts->names + hosts->addresses == 1);
}

static int
read_lists(struct sts_publication *p)
{
	const struct sts_args *a = &p->tool->args;
	struct hosts hosts = {0, 0};

	if (a->mx != NULL &&
	    !sts_publication_each(a->mx, take_pattern, &p->patterns))
		return refuse(p,
		    "--mx is a list of at most %d host names, or \"*.\" and a "
		    "name, separated by commas",
		    STS_DRAFT_MX);
	if (a->web_host != NULL &&
	    !sts_publication_each(a->web_host, take_host, &hosts))
		return refuse(p,
		    "--web-host is a name, or addresses separated by commas");
	if (a->rua != NULL && sts_zone_reports(a->rua, p->reports) != STS_OK)
		return refuse(p,
		    "--rua is a mail address, mailto:ADDRESS or https://..., "
		    "or several separated by commas; \"!\", \",\" and \";\" "
		    "within one as %%21, %%2C and %%3B");
	return STS_EXIT_OK;
}

static int
read_parts(struct sts_publication *p)
{
	const struct sts_args *a = &p->tool->args;

	p->has_server = a->server != NULL;
	if (p->has_server && !sts_web_server_named(a->server, &p->server))
		return refuse(p,
		    "--server is nginx, apache, caddy or static, not %s",
		    a->server);
	p->prints_one = a->print != NULL;
	if (!p->prints_one || strcmp(a->print, "policy") == 0 ||
	    strcmp(a->print, "records") == 0)
		return STS_EXIT_OK;
	if (strcmp(a->print, "server") != 0)
		return refuse(p, "--print is policy, records or server, not %s",
		    a->print);
	return p->has_server ? STS_EXIT_OK
			     : refuse(p, "--print server needs --server");
}

/* An absolute name, for the web server. */
static int
read_root(struct sts_publication *p)
{
	char real[PATH_MAX];

	(void)snprintf(
	    p->root, sizeof(p->root), "/var/www/mta-sts.%s", p->domain);
	if (!p->has_file || p->file.root[0] == '\0')
		return STS_EXIT_OK;
	if (realpath(p->file.root, real) != NULL)
		(void)snprintf(p->root, sizeof(p->root), "%s", real);
	if (p->has_server && !sts_web_root_is_plain(p->root))
		return refuse(p,
		    "%s cannot stand in a web server's configuration as it is; "
		    "choose a folder without blanks, quotes and the like",
		    p->root);
	return STS_EXIT_OK;
}

static int
read_file(struct sts_publication *p)
{
	const char *path = p->tool->args.write;

	p->has_file = path != NULL;
	if (p->has_file && !sts_publish_file_open(&p->file, path))
		return sts_tool_outside(p->tool, "%s", p->file.problem);
	return STS_EXIT_OK;
}

int
sts_publication_options(struct sts_publication *p)
{
	int (*const readers[])(struct sts_publication * p) = {
	    read_mode, read_age, read_lists, read_parts, read_file, read_root};
	int code = STS_EXIT_OK;

	for (size_t i = 0;
	     i < sizeof(readers) / sizeof(readers[0]) && code == STS_EXIT_OK;
	     i++)
		code = readers[i](p);
	return code;
}
