#!/usr/bin/env bash
# pkg-config from an installed prefix: pkg_config.sh PREFIX
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
everything "$1/include" "$temp"
PKG_CONFIG_PATH=$(dirname "$(find "$1" -name cobatch-cpp.pc)")
export PKG_CONFIG_PATH
pkg-config --modversion cobatch-cpp
read -ra flags <<<"$(pkg-config --cflags --libs cobatch-cpp)"
"$cxx" -std=c++20 "$here/consumer/main.cpp" "$here/consumer/second.cpp" -I"$temp" "${flags[@]}" -o "$temp/consumer"
run_consumer "$temp/consumer"
