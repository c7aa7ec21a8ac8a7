/* SPDX-License-Identifier: ISC */
#include "base/listening.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { LISTENS = 10 /* the kernel's TCP_LISTEN */ };

void
sts_sockets_add(struct sts_sockets *sockets, const char *process)
{
	char path[PATH_MAX], target[64];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/fd", process);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		unsigned long *inode = &sockets->inode[sockets->count];
		ssize_t len = readlinkat(
		    dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		if (sockets->count < STS_SOCKETS_MAX &&
		    sscanf(target, "socket:[%lu]", inode) == 1)
			sockets->count++;
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static bool
has_socket(const struct sts_sockets *sockets, unsigned long inode)
{
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->inode[i] == inode)
			return true;
	}
	return false;
}

/* A line of net/tcp: "N: ADDRESS:PORT ADDRESS:PORT STATE ... INODE ...". */
static void
add_port(struct sts_ports *ports, const struct sts_sockets *sockets,
    const char *line, bool v6)
{
	struct sts_port port = {.v6 = v6};
	unsigned state;

	if (sscanf(line,
		" %*[0-9]: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu",
		&port.number, &state, &port.inode) == 3 &&
	    state == LISTENS && ports->count < STS_PORTS_MAX &&
	    has_socket(sockets, port.inode))
		ports->port[ports->count++] = port;
}

void
sts_ports_find(struct sts_ports *ports, const struct sts_sockets *sockets,
    const char *process)
{
	static const char *const names[] = {"tcp", "tcp6"};
	char path[PATH_MAX], line[512];

	ports->count = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *in;

		(void)snprintf(
		    path, sizeof(path), "%s/net/%s", process, names[i]);
		if ((in = fopen(path, "re")) == NULL)
			continue;
		while (fgets(line, sizeof(line), in) != NULL)
			add_port(ports, sockets, line, i == 1);
		(void)fclose(in);
	}
}

static bool
has_port(const struct sts_ports *ports, const struct sts_port *port)
{
	for (size_t i = 0; i < ports->count; i++) {
		if (ports->port[i].number == port->number &&
		    ports->port[i].v6 == port->v6)
			return true;
	}
	return false;
}

const struct sts_port *
sts_ports_lost(const struct sts_ports *now, const struct sts_ports *before)
{
	for (size_t i = 0; i < before->count; i++) {
		if (!has_port(now, &before->port[i]))
			return &before->port[i];
	}
	return NULL;
}

void
sts_ports_forget(struct sts_ports *ports, unsigned number)
{
	size_t kept = 0;

	for (size_t i = 0; i < ports->count; i++) {
		if (ports->port[i].number != number)
			ports->port[kept++] = ports->port[i];
	}
	ports->count = kept;
}
