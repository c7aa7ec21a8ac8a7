/* SPDX-License-Identifier: ISC */
/* JSON values, as written by `query`, `cache` and `status`. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "tool/query_command.h"

json_t *
sts_json_time(int64_t when)
{
	char text[STS_TIME_TEXT];

	return when == 0 ? json_null() : json_string(sts_time_text(text, when));
}

json_t *
sts_json_text(const char *text)
{
	char *escaped = sts_escape(text, strlen(text));
	json_t *value = escaped != NULL ? json_string(escaped) : NULL;

	free(escaped);
	return value;
}

bool
sts_json_set(json_t *object, const char *key, json_t *value)
{
	return value != NULL && json_object_set_new(object, key, value) == 0;
}

bool
sts_json_print(FILE *out, const json_t *object)
{
	if (json_dumpf(object, out, JSON_INDENT(2)) != 0)
		return false;
	(void)putc('\n', out);
	return true;
}

json_t *
sts_json_section(json_t *object, const char *name)
{
	json_t *section = json_object_get(object, name);

	if (section == NULL && sts_json_set(object, name, json_object()))
		section = json_object_get(object, name);
	return section;
}

json_t *
sts_json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}
