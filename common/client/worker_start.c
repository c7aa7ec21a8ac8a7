/* SPDX-License-Identifier: ISC */
/* The processes of client/worker.h: started, killed, reaped. */
#include "client/worker.h"

#include <signal.h>
#include <sys/wait.h>

#include "client/run_resolver.h"

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
	/* If there is no room, it stays a zombie until this process ends. */
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
sts_worker_start_resolver(const struct sts_config *config,
    const char *const *arguments, bool want_stdin, unsigned lifetime,
    struct sts_child *child)
{
	struct sts_child_spec spec;
	enum sts_status status;

	*child = (struct sts_child){-1, -1, -1};
	status = sts_client_describe_resolver(config, NULL, arguments, &spec);
	if (status != STS_OK)
		return status;
	spec.want_stdin = want_stdin;
	spec.lifetime = lifetime;
	return sts_child_start(child, &spec);
}
