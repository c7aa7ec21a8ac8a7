/* SPDX-License-Identifier: ISC */
/*
 * Landlock, by its system calls, since the headers of distributions lag behind
 * the kernels in use.  Numbers and structures are those of landlock(7).
 */
#include "fetcher/sandbox.h"

#if defined(__linux__) && !defined(__alpha__)

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

#define READ_FILE   (UINT64_C(1) << 2)
#define READ_DIR    (UINT64_C(1) << 3)
#define CONNECT_TCP (UINT64_C(1) << 1)
#define NET_ALL     (UINT64_C(3))
#define SCOPE_ALL   (UINT64_C(3)) /* abstract sockets, signals */

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

/* All file rights of a version, so that none is left out. */
static uint64_t
fs_all(long version)
{
	/* From version 1: 13 rights; 2: refer; 3: truncate; 5: ioctl. */
	unsigned bits = version >= 5 ? 16
	    : version >= 3           ? 15
	    : version == 2           ? 14
				     : 13;

	return (UINT64_C(1) << bits) - 1;
}

/* A kernel accepts a longer struct only if the rest of it is zero. */
static size_t
ruleset_size(long version)
{
	if (version >= 6)
		return sizeof(struct ruleset);
	return version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

/* A missing path is ignored, since it allows nothing. */
static bool
allow_path(int set, const char *path)
{
	struct path_rule rule = {.allowed = READ_FILE};
	struct stat st;
	bool done;

	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		/* cppcheck-suppress memleak */
		return true;
	if (fstat(rule.fd, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed |= READ_DIR;
	done = syscall(ADD_RULE, set, RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.fd);
	return done;
}

static bool
allow_port(int set, uint16_t port)
{
	struct port_rule rule = {.allowed = CONNECT_TCP, .port = port};

	return port == 0 ||
	    syscall(ADD_RULE, set, RULE_NET_PORT, &rule, 0) == 0;
}

/* All or nothing: with half of the rules, trust roots would be unreadable. */
static bool
add_rules(int set, long version, const struct sts_sandbox_spec *spec)
{
	for (size_t i = 0; i < spec->paths.count; i++) {
		if (!allow_path(set, spec->paths.name[i]))
			return false;
	}
	for (size_t i = 0; version >= 4 && i < STS_SANDBOX_PORTS; i++) {
		if (!allow_port(set, spec->ports[i]))
			return false;
	}
	return true;
}

bool
sts_sandbox_landlock(const struct sts_sandbox_spec *spec)
{
	long version = syscall(
	    CREATE_RULESET, (void *)0, (size_t)0, CREATE_RULESET_VERSION);
	struct ruleset rights = {0};
	bool done;
	int set;

	if (version < 1)
		return false;
	rights.fs = fs_all(version);
	if (version >= 4)
		rights.net = NET_ALL;
	if (version >= 6)
		rights.scoped = SCOPE_ALL;
	set = (int)syscall(CREATE_RULESET, &rights, ruleset_size(version), 0);
	if (set < 0)
		return false;
	done = add_rules(set, version, spec) &&
	    syscall(RESTRICT_SELF, set, 0) == 0;
	close(set);
	return done;
}

#else

bool
sts_sandbox_landlock(const struct sts_sandbox_spec *spec)
{
	(void)spec;
	return false;
}

#endif
