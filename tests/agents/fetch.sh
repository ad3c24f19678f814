#!/usr/bin/env bash
# Installs the agent programs that the tests in this folder run, in exactly these versions, from the npm registry.
#
#   tests/agents/fetch.sh DIR
#
# The programs are then in DIR/node_modules/.bin. What is already there is left as it is. Without npm or its registry:
# exit code 77, which ctest counts as skipped.
set -euo pipefail
dir=${1:-}
if [[ $# != 1 || -z $dir || $dir == -* ]]; then
  echo 'usage: tests/agents/fetch.sh DIR' >&2
  exit 2
fi
packages=(@anthropic-ai/claude-code@2.1.331 @openai/codex@0.169.0 @google/gemini-cli@0.61.0)

skip() {
  printf '\n*** %s\n*** The tests with real agent programs are SKIPPED.\n\n' "$1" >&2
  exit 77
}
installed() {
  local package
  for package in "${packages[@]}"; do
    grep -qs "\"version\": \"${package##*@}\"" "$dir/node_modules/${package%@*}/package.json" || return 1
  done
}

if installed; then exit 0; fi
command -v npm >/dev/null || skip "npm is not installed; the agent programs come from its registry."
# Claude Code's own install script puts its binary in place; no other package's script is needed.
npm install --prefix "$dir" --no-fund --no-audit --loglevel error "${packages[@]}" >&2 ||
  skip "npm could not install ${packages[*]} into $dir."
installed || skip "npm has not installed the versions that were asked for into $dir."
