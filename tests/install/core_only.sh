#!/usr/bin/env bash
# COBATCH_CORE_ONLY: built and installed without the runtime's libraries, then found by both: core_only.sh SOURCE
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
cmake -S "$1" -B "$temp/core" -G Ninja --no-warn-unused-cli -DCOBATCH_CORE_ONLY=ON -DCOBATCH_BUILD_TESTS=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON \
  -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON >/dev/null
cmake --install "$temp/core" --prefix "$temp/prefix" >/dev/null
for not_core in cobatch/store.hpp cobatch/workspace.hpp cobatch.hpp cobatch.h; do
  [[ ! -e $temp/prefix/include/$not_core ]] || { echo "$not_core was installed" && exit 1; }
done
cmake -S "$here/consumer" -B "$temp/build" -G Ninja -DCMAKE_PREFIX_PATH="$temp/prefix" --no-warn-unused-cli \
  -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON \
  -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON >/dev/null
cmake --build "$temp/build"
"$temp/build/core_consumer"
PKG_CONFIG_PATH=$(dirname "$(find "$temp/prefix" -name cobatch-cpp.pc)")
export PKG_CONFIG_PATH
read -ra flags <<<"$(pkg-config --cflags --libs cobatch-cpp)"
"$cxx" -std=c++20 "${flags[@]}" "$here/consumer/core.cpp" -o "$temp/core_consumer"
"$temp/core_consumer"
