#!/bin/sh
# Every status of cobatch.h was seen by some test, but for those that no function of the library returns.
#
# usage: reached.sh HEADER FILE      FILE: the names that the tests have noted; removed, so that each run is a new one
set -eu

header=$1 reached=$2

# port_in_use, busy of `cobatch serve` only
# agent_unknown     of the program's --agent only
# outcome_unknown   of stores that are asked over a network; the one that is there always knows
# unpriced_model    ends sessions; a call only with a day's budget, once it was tried again for seconds
# callback          for callbacks to return
excepted='port_in_use busy agent_unknown outcome_unknown unpriced_model callback'

names=$(sed -n 's/^  COBATCH_E_\([A-Z_]*\) = .*/\1/p' "$header" | tr '[:upper:]' '[:lower:]')
[ "$(echo "$names" | wc -l)" -gt 40 ] || { echo "reached.sh: the statuses in $header were not found" >&2; exit 1; }

failed=0
for name in $names; do
  case " $excepted " in *" $name "*) expected=no ;; *) expected=yes ;; esac
  if grep -qx "$name" "$reached"; then seen=yes; else seen=no; fi
  [ $seen = $expected ] && continue
  failed=1
  if [ $seen = no ]; then
    echo "reached.sh: no test has seen $name" >&2
  else
    echo "reached.sh: $name was seen by a test, so it is no exception any more" >&2
  fi
done
rm -f "$reached"
exit $failed
