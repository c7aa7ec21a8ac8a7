/* SPDX-License-Identifier: ISC */
/*
 * One message a file, its descriptor beside it; an empty one ends an operand.
 * The reader asks for nothing, so that one that hostile mail has taken over can
 * open no more than what the operator has named.
 */
#include "tool/report_opener.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/access.h"

enum {
	PATH_BYTES = 8192, /* of a path that is shown; the rest is cut off */
	REASON_BYTES = 256
};

/* How a message begins; the path follows, behind its NUL a fault's reason. */
enum kind { END = 'e', FILE_OPEN = 'o', FAULT = 'f' };

struct message {
	char kind;
	char path[PATH_BYTES];
	char reason[REASON_BYTES];
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* A reader that is gone needs no more. */
static void
send_message(int socket, const struct message *message, int fd)
{
	union control control;
	struct iovec iov = {(void *)(uintptr_t)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	ssize_t sent;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		_exit(1);
}

static void
on_file(void *arg, const char *path, int fd)
{
	const int *socket = arg;
	struct message message = {.kind = FILE_OPEN};

	(void)snprintf(message.path, sizeof(message.path), "%s", path);
	send_message(*socket, &message, fd);
	(void)close(fd);
}

static void
on_fault(void *arg, const char *path, const char *reason)
{
	const int *socket = arg;
	struct message message = {.kind = FAULT};

	(void)snprintf(message.path, sizeof(message.path), "%s", path);
	(void)snprintf(message.reason, sizeof(message.reason), "%s", reason);
	send_message(*socket, &message, -1);
}

/* The child. */
static void
open_operands(const struct sts_tool *tool, int socket)
{
	const struct sts_inbox_visitor visitor = {on_file, on_fault, &socket};
	static const struct message end = {.kind = END};

	for (size_t i = 0; i < tool->operand_count; i++) {
		if (strcmp(tool->operand[i], "-") == 0)
			continue;
		sts_inbox_walk(tool->operand[i], &visitor);
		send_message(socket, &end, -1);
	}
	_exit(0);
}

int
sts_opener_begin(struct sts_opener *opener, struct sts_tool *tool)
{
	int pair[2];

	*opener = (struct sts_opener){0, -1};
	if (geteuid() != 0)
		return STS_EXIT_OK;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return sts_tool_outside(tool, "%s", strerror(errno));
	opener->pid = fork();
	if (opener->pid == 0) {
		(void)close(pair[0]);
		open_operands(tool, pair[1]);
	}
	(void)close(pair[1]);
	opener->fd = pair[0];
	if (opener->pid > 0 && sts_tool_become_nobody())
		return STS_EXIT_OK;
	sts_opener_end(opener);
	return sts_tool_outside(tool,
	    "cannot become the user nobody: reports are not read as root");
}

/* False for the end of an operand, and where the child has died. */
static bool
receive(int socket, struct message *message, int *fd)
{
	union control control;
	struct iovec iov = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *c;
	ssize_t got;

	do
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*fd = -1;
	if (got != (ssize_t)sizeof(*message)) {
		message->kind = FAULT;
		(void)strcpy(message->reason, "cannot be opened");
		message->path[0] = '\0';
		return false;
	}
	c = CMSG_FIRSTHDR(&header);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return message->kind != END;
}

/* A file whose descriptor did not arrive: too many are open. */
static void
take(const struct message *message, int fd, const struct sts_inbox_sink *sink)
{
	if (message->kind == FAULT)
		sink->fault(sink->arg, message->path, message->reason);
	else if (fd < 0)
		sink->fault(sink->arg, message->path, strerror(EMFILE));
	else
		sts_inbox_read_file(message->path, fd, sink);
}

void
sts_opener_read(
    struct sts_opener *opener, const char *operand, struct sts_inbox_sink *sink)
{
	struct message message;
	int fd;

	if (opener->pid == 0 || strcmp(operand, "-") == 0) {
		sts_inbox_read(operand, sink);
		return;
	}
	while (receive(opener->fd, &message, &fd))
		take(&message, fd, sink);
	if (message.kind == FAULT)
		sink->fault(sink->arg, operand, message.reason);
}

void
sts_opener_end(struct sts_opener *opener)
{
	if (opener->fd >= 0)
		(void)close(opener->fd);
	while (opener->pid > 0 && waitpid(opener->pid, NULL, 0) < 0 &&
	    errno == EINTR)
		;
	*opener = (struct sts_opener){0, -1};
}
