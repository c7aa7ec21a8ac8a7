/* SPDX-License-Identifier: ISC */
#include "base/command.h"

#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/child.h"

enum { SAID_MAX = 1024 * 1024, PATIENCE_MS = 120000, ARGUMENTS_MAX = 10 };

/* Both outputs into one pipe; Debian's scripts need a PATH. */
static const char script[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; "
    "export PATH; exec \"$@\" 2>&1";

bool
sts_command_run(char **said, const char *const *argv)
{
	struct sts_child_spec spec = {.path = "/bin/sh",
	    .argv = {"/bin/sh", "-c", script, "sh"},
	    .want_stdout = true,
	    .may_gain = true};
	struct sts_child child;
	char *text = malloc(SAID_MAX + 1);
	ssize_t len = -1;
	int status = -1;

	for (size_t i = 0; i < ARGUMENTS_MAX && argv[i] != NULL; i++)
		spec.argv[4 + i] = argv[i];
	if (text != NULL && sts_child_start(&child, &spec) == STS_OK) {
		len = sts_child_read(&child, text, SAID_MAX, false,
		    sts_monotonic_ms() + PATIENCE_MS);
		status =
		    sts_child_finish(&child, sts_monotonic_ms() + PATIENCE_MS);
	}
	if (text != NULL)
		text[len > 0 ? len : 0] = '\0';
	if (said != NULL)
		*said = text;
	else
		free(text);
	return len >= 0 && status != -1 && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}
