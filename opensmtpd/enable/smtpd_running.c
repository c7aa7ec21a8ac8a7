/* SPDX-License-Identifier: ISC */
#include "opensmtpd/enable/smtpd_running.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

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
add_process(struct sts_smtpd_running *r, struct sts_sockets *s,
    const char *proc, const char *pid)
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
	if (name[0] == 's') {
		(void)snprintf(path, sizeof(path), "%s/%s", proc, pid);
		sts_sockets_add(s, path);
	}
	add_pid(name[0] == 's'   ? &r->smtpd
		: name[0] == 'f' ? &r->filter
				 : &r->table,
	    pid);
}

void
sts_smtpd_look(struct sts_smtpd_running *r, const char *proc)
{
	struct sts_sockets *s = calloc(1, sizeof(*s));
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
	if (s != NULL)
		sts_ports_find(&r->ports, s, proc);
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
