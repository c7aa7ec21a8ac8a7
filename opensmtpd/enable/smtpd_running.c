/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_running.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOCKETS_MAX = 1024, PATH_BYTES = 512 };

/* Sockets of all processes of smtpd, by inode. */
struct sockets {
	unsigned long inode[SOCKETS_MAX];
	size_t count;
};

/* The target of a link; "" if it cannot be read. */
static void
read_target(char *buf, size_t size, const char *path)
{
	ssize_t len = readlink(path, buf, size - 1);

	buf[len > 0 ? len : 0] = '\0';
}

/* A container's processes are seen from outside it. */
static bool
is_here(const char *proc, const char *pid)
{
	char path[PATH_BYTES], here[64], there[64];

	(void)snprintf(path, sizeof(path), "%s/self/ns/pid", proc);
	read_target(here, sizeof(here), path);
	(void)snprintf(path, sizeof(path), "%s/%s/ns/pid", proc, pid);
	read_target(there, sizeof(there), path);
	return here[0] == '\0' || strcmp(here, there) == 0;
}

static void
add_pid(struct sts_running_pids *pids, const char *pid)
{
	if (pids->count < STS_RUNNING_PIDS_MAX)
		pids->pid[pids->count++] = strtol(pid, NULL, 10);
}

static void
add_sockets(struct sockets *s, const char *proc, const char *pid)
{
	char path[PATH_BYTES], target[64];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s/fd", proc, pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s/fd/%s", proc, pid,
		    entry->d_name);
		read_target(target, sizeof(target), path);
		if (s->count < SOCKETS_MAX &&
		    sscanf(target, "socket:[%lu]", &s->inode[s->count]) == 1)
			s->count++;
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
add_process(struct sts_smtpd_running *r, struct sockets *s, const char *proc,
    const char *pid)
{
	char path[PATH_BYTES], name[32] = "";
	FILE *in;

	(void)snprintf(path, sizeof(path), "%s/%s/comm", proc, pid);
	if ((in = fopen(path, "re")) == NULL)
		return;
	if (fgets(name, sizeof(name), in) == NULL)
		name[0] = '\0';
	(void)fclose(in);
	name[strcspn(name, "\n")] = '\0';
	if (strcmp(name, "smtpd") != 0 && strcmp(name, "filter-mta-sts") != 0 &&
	    strcmp(name, "table-mta-sts") != 0)
		return;
	if (!is_here(proc, pid))
		return;
	if (name[0] == 's')
		add_sockets(s, proc, pid);
	add_pid(name[0] == 's'   ? &r->smtpd
		: name[0] == 'f' ? &r->filter
				 : &r->table,
	    pid);
}

static bool
has_port(const struct sts_smtpd_running *r, const struct sts_running_port *p)
{
	for (size_t i = 0; i < r->ports; i++) {
		if (r->port[i].v6 == p->v6 && r->port[i].number == p->number)
			return true;
	}
	return false;
}

/* A line of net/tcp: "N: ADDRESS:PORT ADDRESS:PORT STATE ... INODE ...". */
static void
add_port(struct sts_smtpd_running *r, const struct sockets *s, const char *line,
    bool v6)
{
	struct sts_running_port port = {.v6 = v6};
	unsigned state;
	unsigned long inode;

	if (sscanf(line,
		" %*[0-9]: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu",
		&port.number, &state, &inode) != 3 ||
	    state != 10 || has_port(r, &port))
		return;
	for (size_t i = 0; i < s->count; i++) {
		if (s->inode[i] == inode && r->ports < STS_RUNNING_PORTS_MAX) {
			r->port[r->ports++] = port;
			return;
		}
	}
}

static void
look_ports(struct sts_smtpd_running *r, const struct sockets *s,
    const char *proc, bool v6)
{
	char path[PATH_BYTES], line[512];
	FILE *in;

	(void)snprintf(
	    path, sizeof(path), "%s/net/%s", proc, v6 ? "tcp6" : "tcp");
	if ((in = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), in) != NULL)
		add_port(r, s, line, v6);
	(void)fclose(in);
}

void
sts_smtpd_look(struct sts_smtpd_running *r, const char *proc)
{
	struct sockets *s = calloc(1, sizeof(*s));
	struct dirent *entry;
	DIR *dir;

	memset(r, 0, sizeof(*r));
	proc = proc != NULL ? proc : "/proc";
	dir = s != NULL ? opendir(proc) : NULL;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		r->known |= strcmp(entry->d_name, "self") == 0;
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			add_process(r, s, proc, entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (s != NULL) {
		look_ports(r, s, proc, false);
		look_ports(r, s, proc, true);
	}
	free(s);
}

static bool
has_pid(const struct sts_running_pids *pids, long pid)
{
	for (size_t i = 0; i < pids->count; i++) {
		if (pids->pid[i] == pid)
			return true;
	}
	return false;
}

size_t
sts_running_new(
    const struct sts_running_pids *now, const struct sts_running_pids *before)
{
	size_t count = 0;

	for (size_t i = 0; i < now->count; i++)
		count += !has_pid(before, now->pid[i]);
	return count;
}

const struct sts_running_port *
sts_running_lost_port(
    const struct sts_smtpd_running *now, const struct sts_smtpd_running *before)
{
	for (size_t i = 0; i < before->ports; i++) {
		if (!has_port(now, &before->port[i]))
			return &before->port[i];
	}
	return NULL;
}

void
sts_running_forget_port(struct sts_smtpd_running *r, unsigned number)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->ports; i++) {
		if (r->port[i].number != number)
			r->port[kept++] = r->port[i];
	}
	r->ports = kept;
}
