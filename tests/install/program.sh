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
# While the agent waits: where it and its keeper, its parent, come from. (Processes that end meanwhile are no failure.)
agents() {
  { find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$PWD" 2>/dev/null || true; } | while read -r folder; do
    if [[ $(readlink "${folder%cwd}exe") == */cobatch-scripted ]]; then echo "${folder%/cwd}"; fi
  done
}
until agent=$(agents) && [[ -n $agent ]]; do
  kill -0 "$runner"
  sleep 0.05
done
keeper=/proc/$(awk '/^PPid:/ {print $2}' "$agent/status")
helpers=$(readlink "$agent/exe" "$keeper/exe")
touch go_on
wait "$runner"
[[ $helpers == "$prefix/libexec/cobatch/cobatch-scripted"$'\n'"$prefix/libexec/cobatch/cobatch-keeper" ]] ||
  { echo "other helpers: $helpers" && exit 1; }
[[ $("$prefix/bin/cobatch" status two --json) == *'"output":"second"'* ]]
