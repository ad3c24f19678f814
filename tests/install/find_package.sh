#!/usr/bin/env bash
# find_package(cobatch) from an installed prefix: find_package.sh PREFIX
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
everything "$1/include" "$temp"
cmake -S "$here/consumer" -B "$temp/build" -G Ninja -DCMAKE_PREFIX_PATH="$1" -DEVERYTHING="$temp" >/dev/null
cmake --build "$temp/build"
"$temp/build/core_consumer"
run_consumer "$temp/build/consumer"
