/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_exim.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_tool.h"

enum { TEXT_MAX = 256 * 1024 };

struct places places;

bool
worlds_begin(void)
{
	snprintf(places.top, sizeof(places.top), "/tmp/mta-sts-exim.XXXXXX");
	if (mkdtemp(places.top) == NULL)
		return false;
	snprintf(
	    places.object, sizeof(places.object), "%s/mta-sts.so", places.top);
	snprintf(
	    places.resolv, sizeof(places.resolv), "%s/resolv.conf", places.top);
	snprintf(places.debian, sizeof(places.debian), "%s/exim4", places.top);
	mkdir(places.debian, 0755);
	write_file(places.object, "", 0);
	return true;
}

void
worlds_end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", places.top);
	if (system(command) != 0)
		tap_diag("%s is left", places.top);
}

static char *
read_all(const char *scenario, const char *name)
{
	char path[128], *text = malloc(TEXT_MAX);

	snprintf(
	    path, sizeof(path), "tests/unit/data/exim/%s/%s", scenario, name);
	read_text(path, text, TEXT_MAX);
	return text;
}

void
open_world(struct world *w, const char *scenario)
{
	const struct passwd *pw = getpwuid(geteuid());

	memset(w, 0, sizeof(*w));
	w->e.binary = "exim";
	w->e.debian_dir = places.debian;
	w->e.resolv_conf = places.resolv;
	w->e.state_dir = places.top;
	w->e.version = read_all(scenario, "bV.txt");
	w->e.main = read_all(scenario, "main.txt");
	w->e.router_text = read_all(scenario, "routers.txt");
	w->e.transport_text = read_all(scenario, "transports.txt");
	w->e.dlfunc = read_all(scenario, "dlfunc.txt");
	/* Only a router that is there can be called. */
	if (strstr(w->e.router_text, "{mta_sts_query}") != NULL)
		w->e.call_result = strdup("mode=none\n");
	/* What belongs to the recorded machine becomes this one's. */
	(void)change(
	    w->e.router_text, NULL, "/usr/lib/exim4/mta-sts.so", places.object);
	(void)change(w->e.main, NULL, "Debian-exim",
	    pw != NULL ? pw->pw_name : "nobody");
	write_file(places.resolv, "nameserver 127.0.0.1\n", 21);
}

void
judge(struct world *w)
{
	size_t len;

	w->f.out = open_memstream(&w->found, &len);
	(void)sts_exim_parse(&w->e.routers, w->e.router_text, "router");
	(void)sts_exim_parse(
	    &w->e.transports, w->e.transport_text, "transport");
	sts_exim_check(&w->f, &w->e);
	fclose(w->f.out);
}

void
close_world(struct world *w)
{
	free(w->e.version);
	free(w->e.main);
	free(w->e.router_text);
	free(w->e.transport_text);
	free(w->e.all);
	free(w->e.retry);
	free(w->e.retry_tls);
	free(w->e.dlfunc);
	free(w->e.call_result);
	sts_exim_list_free(&w->e.routers);
	sts_exim_list_free(&w->e.transports);
	free(w->found);
}

unsigned
problems(const struct world *w)
{
	return w->f.count[STS_FIND_ERROR] + w->f.count[STS_FIND_WARNING];
}

bool
found(const struct world *w, const char *begins, const char *part)
{
	const char *line = w->found;

	for (; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n');
		const char *at = strstr(line, part);

		if (strncmp(line, begins, strlen(begins)) == 0 && at != NULL &&
		    at < end)
			return true;
	}
	return false;
}

void
show(const struct world *w)
{
	char *copy = strdup(w->found), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		tap_diag("%s", line);
	free(copy);
}
