/* SPDX-License-Identifier: ISC */
#include "tool/tool.h"

int
main(int argc, char **argv)
{
	return sts_tool_run(argc, argv, stdout, stderr);
}
