#!/usr/bin/env bash
# add_subdirectory(cobatch) in another project: add_subdirectory.sh SOURCE
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
everything "$1/include"
cmake -S "$here/consumer" -B "$temp/build" -G Ninja -DCOBATCH_SOURCE="$1" -DEVERYTHING="$temp" >/dev/null
cmake --build "$temp/build"
"$temp/build/core_consumer"
run_consumer "$temp/build/consumer"
# A project that contains us gets no test, no program and no install rule of ours.
[[ $(ctest --test-dir "$temp/build" -N | tail -n 1) == "Total Tests: 0" ]]
[[ -z $(find "$temp/build" -name cobatch -type f -perm -u+x) ]]
[[ ! -e $temp/build/cobatch/package ]]
