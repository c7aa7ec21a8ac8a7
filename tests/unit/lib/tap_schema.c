/* SPDX-License-Identifier: ISC */
#include "tests/unit/lib/tap_schema.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "report/datetime.h"

#define SCHEMA "tests/unit/data/report/tlsrpt.schema.json"

static json_t *schema;
static char wrong[200]; /* what the schema found first; "" */

static void
disagree(const char *what, const char *key)
{
	if (wrong[0] == '\0')
		snprintf(wrong, sizeof(wrong), "%s: %s", what, key);
}

static bool
has_type(const json_t *value, const char *type)
{
	return (strcmp(type, "object") == 0 && json_is_object(value)) ||
	    (strcmp(type, "array") == 0 && json_is_array(value)) ||
	    (strcmp(type, "string") == 0 && json_is_string(value)) ||
	    (strcmp(type, "integer") == 0 && json_is_integer(value));
}

static bool
has_format(const char *text, const char *format)
{
	unsigned char bytes[16];
	char shown[64] = "";
	int64_t seconds;
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	if (strcmp(format, "date-time") == 0)
		return sts_datetime_parse(text, &seconds);
	return inet_pton(family, text, bytes) == 1 &&
	    inet_ntop(family, bytes, shown, sizeof(shown)) != NULL &&
	    strcmp(shown, text) == 0;
}

static bool
is_in(const json_t *list, const char *text)
{
	const json_t *each;
	size_t i;

	json_array_foreach(list, i, each)
	{
		if (strcmp(json_string_value(each), text) == 0)
			return true;
	}
	return false;
}

static void
check_text(const json_t *rule, const json_t *value, const char *key)
{
	const char *text = json_string_value(value);
	const json_t *least = json_object_get(rule, "minLength");
	const json_t *list = json_object_get(rule, "enum");
	const json_t *format = json_object_get(rule, "format");

	if (least != NULL &&
	    (json_int_t)strlen(text) < json_integer_value(least))
		disagree("too short", key);
	if (list != NULL && !is_in(list, text))
		disagree("not in the list", key);
	if (format != NULL && !has_format(text, json_string_value(format)))
		disagree("format", key);
}

/* The keywords that the schema uses, and no other. */
static void
check(json_t *rule, json_t *value, const char *key)
{
	json_t *properties = json_object_get(rule, "properties"), *each;
	const json_t *least = json_object_get(rule, "minimum");
	const json_t *items = json_object_get(rule, "minItems");
	const char *name;
	size_t i;

	if (!has_type(
		value, json_string_value(json_object_get(rule, "type")))) {
		disagree("type", key);
		return;
	}
	if (json_is_string(value))
		check_text(rule, value, key);
	if (least != NULL &&
	    json_integer_value(value) < json_integer_value(least))
		disagree("minimum", key);
	if (items != NULL &&
	    (json_int_t)json_array_size(value) < json_integer_value(items))
		disagree("too few", key);
	json_array_foreach(json_object_get(rule, "required"), i, each)
	{
		if (json_object_get(value, json_string_value(each)) == NULL)
			disagree("missing", json_string_value(each));
	}
	json_object_foreach(value, name, each)
	{
		json_t *inner = json_object_get(properties, name);

		if (inner == NULL)
			disagree("additional", name);
		else
			check(inner, each, name);
	}
	json_array_foreach(value, i, each)
	{
		check(json_object_get(rule, "items"), each, key);
	}
}

const char *
schema_fits(const char *json)
{
	json_t *value = json_loads(json, JSON_REJECT_DUPLICATES, NULL);

	wrong[0] = '\0';
	if (value == NULL)
		disagree("no JSON", "");
	else
		check(schema, value, "");
	json_decref(value);
	return wrong;
}

bool
schema_load(void)
{
	schema = json_load_file(SCHEMA, 0, NULL);
	return schema != NULL;
}

void
schema_free(void)
{
	json_decref(schema);
	schema = NULL;
}
