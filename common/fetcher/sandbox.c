/* SPDX-License-Identifier: ISC */
#include "fetcher/sandbox.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/limits.h"
#include "base/privilege.h"

enum {
	DESCRIPTORS = 1024,
	MEMORY_MIB = 512 /* 256 transfers need less than half of it */
};

static void
set_limits(void)
{
	struct stat st;

	sts_limit_lower(RLIMIT_CORE, 0);
	/* With --check, standard output may be a file. */
	if (fstat(STDOUT_FILENO, &st) == 0 && !S_ISREG(st.st_mode))
		sts_limit_lower(RLIMIT_FSIZE, 0);
	sts_limit_lower(RLIMIT_NOFILE, DESCRIPTORS);
#ifdef RLIMIT_NPROC
	sts_limit_lower(RLIMIT_NPROC, 0);
#endif
	sts_limit_memory(MEMORY_MIB);
}

static void
add_word(char *text, size_t size, const char *word)
{
	size_t used = strlen(text);

	(void)snprintf(
	    text + used, size - used, "%s%s", used > 0 ? "," : "", word);
}

#ifdef __OpenBSD__

void
sts_sandbox_enter(const struct sts_sandbox_spec *spec, char *text, size_t size)
{
	bool hidden = true;

	text[0] = '\0';
	set_limits();
	for (size_t i = 0; i < spec->paths.count; i++)
		(void)unveil(spec->paths.name[i], "r");
	hidden = unveil(NULL, NULL) == 0;
	if (pledge("stdio rpath inet", NULL) == 0)
		add_word(text, size, "pledge");
	if (hidden)
		add_word(text, size, "unveil");
	if (text[0] == '\0')
		add_word(text, size, "none");
}

#else

void
sts_sandbox_enter(const struct sts_sandbox_spec *spec, char *text, size_t size)
{
	text[0] = '\0';
	set_limits();
	(void)sts_privilege_forgo_new();
#ifdef __linux__
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	if (sts_sandbox_landlock(spec))
		add_word(text, size, "landlock");
	if (sts_sandbox_seccomp())
		add_word(text, size, "seccomp");
	if (text[0] == '\0')
		add_word(text, size, "none");
}

#endif

int
sts_sandbox_socket(int family, int type, int protocol)
{
#if defined(SYS_socketcall) && defined(SYS_socket)
	return (int)syscall(SYS_socket, family, type, protocol);
#else
	return socket(family, type, protocol);
#endif
}
