#!/usr/bin/env bash
# The installed program runs a batch with the helpers installed beside it: program.sh PREFIX
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
prefix=$(realpath "$1")
mkdir "$temp/place"
cd "$temp/place"
unset COBATCH_KEEPER
echo '{"turns":[{"wait_for_file":"go_on","output":"first"},{"output":"second"}]}' >script.json
"$prefix/bin/cobatch" --version
"$prefix/bin/cobatch" assign one "The first" --batch both --open
"$prefix/bin/cobatch" assign two "The second" --batch both 2>/dev/null
"$prefix/bin/cobatch" run both --agent scripted --script script.json &
runner=$!
# While the agent waits: where its programs are.
until helpers=$(find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$PWD" 2>/dev/null | sed 's/cwd$/exe/' |
  xargs -r readlink | grep -E 'cobatch-(keeper|scripted)$' | sort) && [[ $helpers == *scripted* ]]; do
  kill -0 "$runner"
  sleep 0.05
done
touch go_on
wait "$runner"
echo "$helpers"
must_not grep -v "^$prefix/libexec/cobatch/" <<<"$helpers"
[[ $("$prefix/bin/cobatch" status two --json) == *'"output":"second"'* ]]
