#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The vectors here are a copy.  Where their source lies beside the checkout,
# every file of it must be here, byte for byte.
ours=tests/vectors
source=../shared/vectors

if [ ! -d "$source" ]; then
	echo "1..0 # SKIP $source is not there to compare with"
	exit 0
fi
run=0
status=0
for file in "$source"/*; do
	run=$((run + 1))
	name=${file##*/}
	if cmp -s "$file" "$ours/$name"; then
		echo "ok $run - $name is the same"
	else
		echo "not ok $run - $name is the same"
		status=1
	fi
done
run=$((run + 1))
if [ $run -gt 10 ]; then
	echo "ok $run - all files were compared"
else
	echo "not ok $run - all files were compared"
	status=1
fi
echo "1..$run"
exit $status
