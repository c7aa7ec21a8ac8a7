#!/bin/sh
# SPDX-License-Identifier: ISC
command -v python3 >/dev/null ||
    { echo '1..0 # SKIP python3 is missing'; exit 0; }
exec python3 "${0%.t}.py"
