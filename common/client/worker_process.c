/* SPDX-License-Identifier: ISC */
#include "client/worker_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ask.h"

enum { READS_MAX = 16 /* of a resolver's output, in one step */ };

void
sts_process_init(struct sts_process *process)
{
	memset(process, 0, sizeof(*process));
	process->child = (struct sts_child){-1, -1, -1};
}

enum sts_status
sts_process_start(struct sts_process *process, const struct sts_config *config)
{
	enum sts_status status = sts_client_serve(config, 0, &process->child);

	process->running = status == STS_OK;
	process->out_len = process->line_len = 0;
	process->line_cut = false;
	return status;
}

void
sts_process_kill(struct sts_process *process)
{
	pid_t pid = process->child.pid;

	sts_process_leave(process);
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	if (waitpid(pid, NULL, WNOHANG) != 0)
		return;
	sts_process_reap(process);
	/* If there is no room, it stays a zombie until this process ends. */
	if (process->gone_count < STS_PROCESS_GONE_MAX)
		process->gone[process->gone_count++] = pid;
}

void
sts_process_leave(struct sts_process *process)
{
	sts_child_close(&process->child);
	process->child.pid = -1;
	process->running = false;
}

void
sts_process_reap(struct sts_process *process)
{
	size_t left = 0;

	for (size_t i = 0; i < process->gone_count; i++) {
		if (waitpid(process->gone[i], NULL, WNOHANG) == 0)
			process->gone[left++] = process->gone[i];
	}
	process->gone_count = left;
}

bool
sts_process_put(struct sts_process *process, const char *word, const char *name)
{
	size_t room = sizeof(process->out) - process->out_len;
	int len = snprintf(process->out + process->out_len, room, "%s%s%s\n",
	    word, name[0] != '\0' ? " " : "", name);

	if (len < 0 || (size_t)len >= room)
		return false;
	process->out_len += (size_t)len;
	return true;
}

ssize_t
sts_process_write(struct sts_process *process)
{
	ssize_t n;

	if (process->out_len == 0)
		return 0;
	n = write(process->child.in_fd, process->out, process->out_len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	process->out_len -= (size_t)n;
	memmove(process->out, process->out + n, process->out_len);
	return n;
}

/* Assembles lines. */
static void
handle_byte(
    struct sts_process *process, char byte, sts_process_line *line, void *arg)
{
	if (byte != '\n') {
		if (process->line_len < sizeof(process->line))
			process->line[process->line_len++] = byte;
		else
			process->line_cut = true;
		return;
	}
	line(arg, process->line, process->line_cut ? 0 : process->line_len);
	process->line_len = 0;
	process->line_cut = false;
}

bool
sts_process_read(struct sts_process *process, sts_process_line *line, void *arg)
{
	char buf[4096];
	ssize_t n = 0;

	/* Bounded, since a broken resolver may write for ever. */
	for (int i = 0; i < READS_MAX; i++) {
		n = read(process->child.out_fd, buf, sizeof(buf));
		for (ssize_t j = 0; j < n; j++)
			handle_byte(process, buf[j], line, arg);
		if (n <= 0)
			break;
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

size_t
sts_process_poll(const struct sts_process *process, struct pollfd *fds)
{
	size_t count = 0;

	if (!process->running)
		return 0;
	fds[count++] = (struct pollfd){process->child.out_fd, POLLIN, 0};
	if (process->out_len > 0)
		fds[count++] =
		    (struct pollfd){process->child.in_fd, POLLOUT, 0};
	return count;
}
