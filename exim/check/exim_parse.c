/* SPDX-License-Identifier: ISC */
/* Parses `exim -bP`: one option on each line, "name = value" or a flag. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "exim/check/exim.h"

/* There are no more drivers and options than lines. */
static size_t
count_lines(const char *text)
{
	size_t count = 1;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

/* "NAME router:" becomes NAME; false if it is not such a line. */
static bool
parse_head(char *line, const char *kind)
{
	size_t len = strlen(line), tail = strlen(kind) + 2;

	if (len <= tail || line[len - 1] != ':' ||
	    memcmp(line + len - tail + 1, kind, tail - 2) != 0 ||
	    line[len - tail] != ' ')
		return false;
	line[len - tail] = '\0';
	return strchr(line, ' ') == NULL;
}

/* A flag that is off is printed with "no_" before its name. */
static void
parse_option(struct sts_exim_option *option, char *line)
{
	char *equals = strstr(line, " =");

	option->name = line;
	if (equals != NULL && (equals[2] == ' ' || equals[2] == '\0')) {
		*equals = '\0';
		option->value = equals + 2 + (equals[2] == ' ');
	} else if (strncmp(line, "no_", 3) == 0) {
		option->name = line + 3;
		option->value = "false";
	} else {
		option->value = "true";
	}
	/* An asterisk marks an option that can only be set here. */
	if (option->name[0] == '*')
		option->name++;
}

enum sts_status
sts_exim_parse(struct sts_exim_list *list, char *text, const char *kind)
{
	size_t lines = count_lines(text), used = 0;
	struct sts_exim_driver *driver = NULL;
	char *line;

	list->count = 0;
	list->driver = calloc(lines, sizeof(*list->driver));
	list->options = calloc(lines, sizeof(*list->options));
	if (list->driver == NULL || list->options == NULL) {
		sts_exim_list_free(list);
		return STS_NO_MEMORY;
	}
	while ((line = strsep(&text, "\n")) != NULL) {
		if (parse_head(line, kind)) {
			driver = &list->driver[list->count++];
			driver->name = line;
			driver->option = &list->options[used];
		} else if (driver != NULL && line[0] != '\0') {
			parse_option(&list->options[used++], line);
			driver->count++;
		}
	}
	return STS_OK;
}

void
sts_exim_list_free(struct sts_exim_list *list)
{
	free(list->driver);
	free(list->options);
	memset(list, 0, sizeof(*list));
}

/* As printed by Exim, hidden or not. */
static const char *
printed_value(const struct sts_exim_driver *driver, const char *name)
{
	for (size_t i = 0; driver != NULL && i < driver->count; i++) {
		if (strcmp(driver->option[i].name, name) == 0)
			return driver->option[i].value;
	}
	return NULL;
}

bool
sts_exim_is_hidden(const char *value)
{
	return strcmp(value, "<value not displayable>") == 0;
}

bool
sts_exim_hides(const struct sts_exim_driver *driver, const char *name)
{
	const char *value = printed_value(driver, name);

	return value != NULL && sts_exim_is_hidden(value);
}

const char *
sts_exim_value(const struct sts_exim_driver *driver, const char *name)
{
	const char *value = printed_value(driver, name);

	return value != NULL && sts_exim_is_hidden(value) ? NULL : value;
}

bool
sts_exim_same(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, " \t");
		b += strspn(b, " \t");
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

bool
sts_exim_is(
    const struct sts_exim_driver *driver, const char *name, const char *value)
{
	const char *has = sts_exim_value(driver, name);

	return has != NULL && sts_exim_same(has, value);
}

bool
sts_exim_is_set(const struct sts_exim_driver *driver, const char *name)
{
	const char *has = sts_exim_value(driver, name);

	return has != NULL && has[0] != '\0' && strcmp(has, "false") != 0;
}

const struct sts_exim_driver *
sts_exim_find(const struct sts_exim_list *list, const char *name)
{
	for (size_t i = 0; name != NULL && i < list->count; i++) {
		if (strcmp(list->driver[i].name, name) == 0)
			return &list->driver[i];
	}
	return NULL;
}

/* The end of a brace group that begins at `open`, or NULL. */
static const char *
group_end(const char *open)
{
	unsigned depth = 0;

	for (const char *p = open; *p != '\0'; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

bool
sts_exim_call_argument(
    const char *address_data, unsigned index, char *buf, size_t size)
{
	const char *p = strstr(address_data, "${dlfunc");
	const char *end = NULL;

	if (p == NULL)
		return false;
	p += strlen("${dlfunc");
	for (unsigned i = 0;; i++) {
		p += strspn(p, " \t");
		if (*p != '{' || (end = group_end(p)) == NULL)
			return false;
		if (i == index)
			break;
		p = end + 1;
	}
	return sts_span_copy(
	    (struct sts_span){p + 1, (size_t)(end - p - 1)}, buf, size);
}

/*
 * The items of an Exim list are separated by colons, or by the character after
 * "<".  If an expansion hides them, the list counts as limited.
 */
bool
sts_exim_list_is_open(const char *domains)
{
	char separator = ':';
	bool open = true;

	if (domains == NULL)
		return true;
	domains += strspn(domains, " \t");
	if (strchr(domains, '$') != NULL)
		return false;
	if (domains[0] == '<' && domains[1] != '\0') {
		separator = domains[1];
		domains += 2;
	}
	while (*domains != '\0') {
		domains += strspn(domains, " \t");
		open = *domains == '!';
		if (domains[0] == '*' &&
		    (domains[1] == '\0' || domains[1] == ' ' ||
			domains[1] == separator))
			return true;
		domains = strchr(domains, separator);
		if (domains == NULL)
			break;
		domains++;
	}
	return open;
}

const struct sts_exim_driver *
sts_exim_query_router(const struct sts_exim *e)
{
	for (size_t i = 0; i < e->routers.count; i++) {
		const char *value =
		    sts_exim_value(&e->routers.driver[i], "address_data");

		if (value != NULL && strstr(value, "${dlfunc") != NULL &&
		    strstr(value, "{mta_sts_query}") != NULL)
			return &e->routers.driver[i];
	}
	return NULL;
}
