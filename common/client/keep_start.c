/* SPDX-License-Identifier: ISC */
/* The processes behind client/keep.h. */
#include "client/keep.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

void
sts_reaper_take(struct sts_reaper *reaper, struct sts_child *child)
{
	pid_t pid = child->pid;

	sts_child_close(child);
	child->pid = -1;
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	if (waitpid(pid, NULL, WNOHANG) != 0)
		return;
	sts_reaper_step(reaper);
	/* Nobody waits for what does not fit: a zombie until we end. */
	if (reaper->count < STS_REAPER_MAX)
		reaper->pid[reaper->count++] = pid;
}

void
sts_reaper_step(struct sts_reaper *reaper)
{
	size_t kept = 0;

	for (size_t i = 0; i < reaper->count; i++) {
		if (waitpid(reaper->pid[i], NULL, WNOHANG) == 0)
			reaper->pid[kept++] = reaper->pid[i];
	}
	reaper->count = kept;
}

enum sts_status
sts_keep_start_resolver(const struct sts_config *config,
    const char *const *arguments, bool want_stdin, unsigned lifetime,
    struct sts_child *child)
{
	struct sts_child_spec spec = {.path = config->resolver,
	    .want_stdout = true,
	    .want_stdin = want_stdin,
	    .lifetime = lifetime};
	struct sts_store *store;
	enum sts_status status;
	size_t argc = 0;

	*child = (struct sts_child){-1, -1, -1};
	if (config->resolver == NULL || config->state_dir == NULL)
		return STS_NO_MEMORY;
	spec.argv[argc++] = "mta-sts-resolver";
	if (config->file != NULL) {
		spec.argv[argc++] = "-f";
		spec.argv[argc++] = config->file;
	}
	while (*arguments != NULL && argc + 1 < STS_CHILD_ARGS_MAX)
		spec.argv[argc++] = *arguments++;
	if (geteuid() == 0) {
		status = sts_store_open(&store, config->state_dir, false);
		if (status != STS_OK)
			return status;
		spec.drop = true;
		spec.uid = sts_store_uid(store);
		spec.gid = sts_store_gid(store);
		sts_store_close(store);
	}
	return sts_child_start(child, &spec);
}
