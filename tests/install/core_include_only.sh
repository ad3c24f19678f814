#!/usr/bin/env bash
# The core with an include path and nothing else: core_include_only.sh PREFIX
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
"$cxx" -std=c++20 -Wall -Wextra -Wpedantic -Werror -I"$1/include" "$here/consumer/core.cpp" -o "$temp/core"
"$temp/core"
