/* SPDX-License-Identifier: ISC */
/* load_one FILE: opens a shared object and ends, for callgrind to count. */
#include <dlfcn.h>
#include <stddef.h>

int
main(int argc, char **argv)
{
	return argc == 2 && dlopen(argv[1], RTLD_LAZY) != NULL ? 0 : 1;
}
