#!/bin/sh
# Runs the program that calls every function from C, and looks that it does call every one.
#
# usage: c_caller.sh HEADER SOURCE PROGRAM
set -eu

header=$1 source=$2 program=$3

failed=0
functions=$(tr '\n' ' ' <"$header" | grep -o 'COBATCH_API [^;]*(' | grep -o 'cobatch_[a-z_]*(' | tr -d '(' | sort -u)
[ "$(echo "$functions" | wc -l)" -gt 60 ] || { echo "c_caller.sh: the functions in $header were not found" >&2; exit 1; }
for function in $functions; do
  grep -q "$function(" "$source" || { echo "c_caller.sh: $function is not called" >&2; failed=1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" "$work" || failed=1
exit $failed
