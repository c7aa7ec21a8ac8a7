/* SPDX-License-Identifier: ISC */
/*
 * What the store makes of system calls that fail: a directory that its file
 * system cannot sync, and a check that cannot be opened.
 */
/* The fortified ones are inline, and cannot be replaced. */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/file.h"
#include "store/store.h"
#include "tests/unit/lib/fortified.h"
#include "tests/unit/lib/tap.h"
#include "tests/unit/lib/tap_store.h"

static char dir[] = "/tmp/mta-sts-calls.XXXXXX";
static const int64_t now = 1800000000;

/* What fsync of a directory, or of a file, says; 0: nothing fails. */
static int dir_error, file_error;

/* True: no file below checks/ can be opened. */
static bool checks_closed;

int
fsync(int fd)
{
	struct stat st;
	int error = 0;

	if (fstat(fd, &st) == 0)
		error = S_ISDIR(st.st_mode) ? dir_error : file_error;
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

static int
open_at(int at, const char *name, int flags, unsigned mode)
{
	if (checks_closed && strncmp(name, "checks/", 7) == 0) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_openat, at, name, flags, mode);
}

static enum sts_status
write_policy(struct sts_store *store, const char *domain)
{
	bool replaced;

	return tap_put_policy(store, domain,
	    "version: STSv1\nmode: enforce\nmx: mx.calls.test\n"
	    "max_age: 604800\n",
	    now - 100, 0, now, &replaced);
}

static const char *
write_with(int for_dir, int for_file)
{
	struct sts_store *store;
	enum sts_status status = sts_store_open(&store, dir, true);

	dir_error = for_dir;
	file_error = for_file;
	if (status == STS_OK) {
		(void)sts_store_drop(store, "sync.test");
		status = write_policy(store, "sync.test");
		sts_store_close(store);
	}
	dir_error = file_error = 0;
	return sts_status_name(status);
}

/* fsync(2): EINVAL, the file system cannot do this. */
static void
syncing(void)
{
	is_str(write_with(0, 0), "ok", "all can be synced");
	is_str(write_with(EINVAL, 0), "ok",
	    "a file system that syncs no directories is no fault");
	is_str(write_with(EIO, 0), sts_status_name(sts_status_from_errno(EIO)),
	    "a directory that was not written is one");
	is_str(write_with(0, EINVAL),
	    sts_status_name(sts_status_from_errno(EINVAL)),
	    "a policy that cannot be synced is one");
	is_str(write_with(0, ENOSPC),
	    sts_status_name(sts_status_from_errno(ENOSPC)), "a full disk too");
}

/* Two of one directory, used on two days. */
static void
add_used(struct sts_store *store, char domain[2][32])
{
	struct sts_check c = {.checked = now, .used = now, .used_days = 2};
	unsigned n = 0;

	for (int i = 0; i < 2; i++) {
		do
			snprintf(domain[i], 32, "d%u.test", n++);
		while (i == 1 &&
		    sts_file_bucket(domain[1]) != sts_file_bucket(domain[0]));
		strcpy(c.domain, domain[i]);
		if (write_policy(store, domain[i]) != STS_OK ||
		    sts_store_write_check(store, &c) != STS_OK)
			ok(false, "write %s", domain[i]);
	}
}

static bool
is_there(struct sts_store *store, const char *domain)
{
	struct sts_entry e;
	enum sts_status status = sts_store_read_policy(store, domain, now, &e);

	if (status == STS_OK)
		sts_entry_free(&e);
	return status == STS_OK;
}

/* How often mail used it is not known: it is not "never". */
static void
trimming(void)
{
	struct sts_store *store;
	char domain[2][32];

	if (sts_store_open(&store, dir, true) != STS_OK)
		exit(1);
	add_used(store, domain);
	checks_closed = true;
	for (int i = 0; i < 16; i++)
		sts_store_trim(store, STS_KIND_POLICY, domain[1], 1, now);
	checks_closed = false;
	ok(is_there(store, domain[0]) && is_there(store, domain[1]),
	    "a policy whose check cannot be read is kept");
	(void)sts_store_remove_check(store, domain[0]);
	for (int i = 0; i < 16; i++)
		sts_store_trim(store, STS_KIND_POLICY, domain[1], 1, now);
	ok(!is_there(store, domain[0]), "one that has none may go");
	sts_store_close(store);
}

int
main(void)
{
	char command[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	/* Nobody's files are written as root. */
	if (getuid() == 0 &&
	    (chown(dir, 65534, 65534) != 0 || setgid(65534) != 0 ||
		setuid(65534) != 0))
		return 1;
	syncing();
	trimming();
	snprintf(command, sizeof(command), "rm -rf '%s' 2>/dev/null", dir);
	(void)!system(command);
	return tap_done();
}
