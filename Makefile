# SPDX-License-Identifier: ISC
#
# For a make that is not GNU's; GNU make reads GNUmakefile instead.
# No rule of its own makes "check" of a check.sh.
.SUFFIXES:

all:
	@echo 'mta-sts: this needs GNU make, often called gmake' >&2; exit 2

.DEFAULT:
	@echo 'mta-sts: this needs GNU make, often called gmake' >&2; exit 2
