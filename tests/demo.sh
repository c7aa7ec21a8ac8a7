#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make demo: builds, makes a private world of name servers, policy hosts, MX
# hosts and an Exim, sends one message a scenario, and prints what became of
# it.  Needs root and Debian; nothing outside the build directory and the
# lab's cache is changed, except that missing build tools are installed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. tests/lab/packages.sh
need_root
# What is started here is no part of the make that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
# shellcheck disable=SC2086
install_packages $BUILD_TOOLS $LAB_TOOLS
unpack_servers
export B="${B:-build}"
make -s -j"$(nproc)" B="$B" all
exec tests/lab/enter -t 170 tests/lab/demo.py
