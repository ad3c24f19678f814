#!/usr/bin/env bash
# The example in C with an installed prefix, by pkg-config and by CMake; nothing that the C++ interface needs has to be
# there: c_program.sh PREFIX SOURCE
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
example=$2/examples/c/three_tasks.c
agent=$2/examples/command/agent.py
PKG_CONFIG_PATH=$(dirname "$(find "$1" -name cobatch.pc)")
LD_LIBRARY_PATH=$(pkg-config --with-path="$PKG_CONFIG_PATH" --variable=libdir cobatch)
export PKG_CONFIG_PATH LD_LIBRARY_PATH
unset COBATCH_KEEPER

read -ra flags <<<"$(pkg-config --cflags --libs cobatch)"
"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror "$example" "${flags[@]}" -o "$temp/with_pkg_config"
cmake -S "$here/consumer/c" -B "$temp/build" -G Ninja -DCMAKE_PREFIX_PATH="$1" -DEXAMPLE="$example" \
  -DCMAKE_DISABLE_FIND_PACKAGE_tl-expected=ON >/dev/null
cmake --build "$temp/build"
for program in "$temp/with_pkg_config" "$temp/build/with_cmake"; do
  rm -rf "$temp/place"
  mkdir "$temp/place"
  [[ $(cd "$temp/place" && "$program" "$agent") == $'sessions: 1\ndoc_1: done, Did: Document feature A\n'* ]]
done
