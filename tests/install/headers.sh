#!/bin/sh
# Every public header compiles alone, as its first include, with g++ and clang++ and all warnings as errors; two units
# that include all of them link; and the core needs nothing but the standard library and tl::expected.
#
# usage: headers.sh [INCLUDE_DIR]      CXX_LIST="g++ clang++-14" names the compilers; those not installed are skipped
set -eu

include=${1:-$(cd "$(dirname "$0")/../.." && pwd)/include}
flags="-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror -I$include"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
  echo "headers.sh: $*" >&2
  failed=1
}

headers=$(cd "$include" && find . -name '*.hpp' | sed 's|^\./||' | sort)
[ -n "$headers" ] || { echo "headers.sh: no headers in $include" >&2; exit 1; }

compilers=0
for compiler in ${CXX_LIST:-g++ clang++-14}; do
  command -v "$compiler" >/dev/null || continue
  compilers=$((compilers + 1))
  : >"$work/all.hpp"
  for header in $headers; do
    # Twice: the include guard has to hold.
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$work/alone.cpp"
    # shellcheck disable=SC2086
    "$compiler" $flags -fsyntax-only "$work/alone.cpp" || complain "$header does not compile alone with $compiler"
    printf '#include <%s>\n' "$header" >>"$work/all.hpp"
  done
  printf '#include "all.hpp"\nint other();\nint main() { return other(); }\n' >"$work/one.cpp"
  printf '#include "all.hpp"\nint other();\nint other() { return 0; }\n' >"$work/two.cpp"
  # shellcheck disable=SC2086
  "$compiler" $flags "$work/one.cpp" "$work/two.cpp" -o "$work/linked" ||
    complain "two units that include every header do not link with $compiler"
done
[ "$compilers" -gt 0 ] || complain "none of the compilers is installed"

# In the core: <word> without a slash or dot is the standard library's.
foreign=$(cd "$include" && grep -n '^ *# *include' cobatch/core.hpp cobatch/core/*.hpp |
  grep -v -e ':#include <[a-z_]*>$' -e ':#include <tl/expected\.hpp>$' -e ':#include <cobatch/core/[a-z_]*\.hpp>$' || true)
[ -z "$foreign" ] || complain "the core includes more than it may:
$foreign"

[ "$failed" -eq 0 ] && echo "headers.sh: $(echo "$headers" | wc -l) headers, $compilers compilers: good"
exit "$failed"
