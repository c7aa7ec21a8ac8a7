/* SPDX-License-Identifier: ISC */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 16 };

bool
sts_names_add(struct sts_names *names, const char *name)
{
	if (names->count == names->size) {
		size_t size = names->size == 0 ? FIRST : names->size * 2;
		char **more =
		    reallocarray(names->name, size, sizeof(*names->name));

		if (more == NULL) {
			names->failed = true;
			return false;
		}
		names->name = more;
		names->size = size;
	}
	if ((names->name[names->count] = strdup(name)) != NULL)
		names->count++;
	else
		names->failed = true;
	return !names->failed;
}

void
sts_names_free(struct sts_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct sts_names){0};
}
