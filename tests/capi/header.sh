#!/bin/sh
# cobatch.h compiles alone, twice in one unit and with every INIT macro used, as C and C++ of several years with all
# warnings as errors; it needs two headers of the standard library and nothing else.
#
# usage: header.sh HEADER      CC_LIST="gcc clang-14" and CXX_LIST="g++ clang++-14" name the compilers
set -eu

header=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
  echo "header.sh: $*" >&2
  failed=1
}

includes=$(grep -c '^#include' "$header")
[ "$includes" -eq 2 ] && grep -q '^#include <stddef.h>' "$header" && grep -q '^#include <stdint.h>' "$header" ||
  complain "cobatch.h includes something else than stddef.h and stdint.h"

# Each struct with a struct_size is made with its macro, but for the one that only the library makes.
structs=$(awk '/^typedef struct/ { name = $3 } /^  uint32_t struct_size;/ { print name }' "$header" |
  grep -vx cobatch_agent_start)
[ "$(echo "$structs" | wc -l)" -gt 20 ] || complain "the structs in $header were not found"
{
  printf '#include "%s"\n#include "%s"\n' "$header" "$header"
  for struct in $structs; do
    macro=$(echo "$struct" | tr '[:lower:]' '[:upper:]')_INIT
    printf 'unsigned use_%s(void);\n' "$struct"
    printf 'unsigned use_%s(void) {\n  %s made = %s;\n  return made.struct_size;\n}\n' "$struct" "$struct" "$macro"
  done
} >"$work/use.c"
cp "$work/use.c" "$work/use.cpp"

compilers=0
# compile COMPILER SOURCE STANDARD…
compile() {
  compiler=$1 source=$2
  shift 2
  command -v "$compiler" >/dev/null || { echo "header.sh: SKIPPED, $compiler is not installed" >&2; return 0; }
  compilers=$((compilers + 1))
  for standard in "$@"; do
    "$compiler" -std="$standard" -Wall -Wextra -pedantic -Werror -fsyntax-only "$source" 2>"$work/said" ||
      { complain "it does not compile with $compiler -std=$standard"; cat "$work/said" >&2; }
  done
}
for compiler in ${CC_LIST:-gcc clang-14}; do compile "$compiler" "$work/use.c" c99 c11 c17; done
for compiler in ${CXX_LIST:-g++ clang++-14}; do compile "$compiler" "$work/use.cpp" c++17 c++20; done
[ "$compilers" -gt 0 ] || complain "none of the compilers is installed"

[ "$failed" -eq 0 ] && echo "header.sh: $compilers compilers: good"
exit "$failed"
