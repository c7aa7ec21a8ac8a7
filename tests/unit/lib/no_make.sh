# SPDX-License-Identifier: ISC
# shellcheck shell=sh
#
# For tests that call make: what the make that runs them was called with, as by
# debian/rules, is not for theirs.  It passes its variables on in the environment.

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
unset PREFIX SYSCONFDIR LOCALSTATEDIR BINDIR LIBEXECDIR MANDIR DOCDIR EXAMPLEDIR \
	EXIMPLUGINDIR FILTERDIR SYSTEMDUNITDIR CRONDIR DESTDIR
