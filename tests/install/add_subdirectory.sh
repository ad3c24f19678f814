#!/usr/bin/env bash
# add_subdirectory(cobatch) in another project: add_subdirectory.sh SOURCE FOLDER
#
# FOLDER keeps what it was built with, for the next time.
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
build=$2/build
mkdir -p "$2"
everything "$1/include" "$2"
cmake -S "$here/consumer" -B "$build" -G Ninja -DCOBATCH_SOURCE="$1" -DEVERYTHING="$2" >/dev/null
cmake --build "$build"
"$build/core_consumer"
run_consumer "$build/consumer"
# A project that contains us gets no test, no program and no install rule of ours.
[[ $(ctest --test-dir "$build" -N | tail -n 1) == "Total Tests: 0" ]]
[[ -z $(find "$build" -name cobatch -type f -perm -u+x) ]]
[[ ! -e $build/cobatch/package ]]
