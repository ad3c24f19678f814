#!/usr/bin/env bash
# Installs a build and moves the prefix, because packages are moved: into_prefix.sh BUILD PREFIX
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
build=$1 prefix=$2
rm -rf "$prefix"
cmake --install "$build" --prefix "$temp/first" >/dev/null
mv "$temp/first" "$prefix"
cd "$prefix"
for file in bin/cobatch libexec/cobatch/cobatch-keeper libexec/cobatch/cobatch-scripted include/cobatch/core.hpp \
  include/cobatch/core/task.hpp include/cobatch/workspace.hpp include/cobatch.h share/cobatch/cobatch.cdef.h \
  lib/libcobatch.so lib/libcobatch.so.0 lib/libcobatch_cpp.a share/licenses/cobatch/LICENSE; do
  [[ -e $file ]] || { echo "$file was not installed" && exit 1; }
done
# What we compile ourselves with does not reach users.
must_not grep -rnE 'cobatch_flags|-W[a-z]|-fsanitize' lib/cmake lib/pkgconfig
