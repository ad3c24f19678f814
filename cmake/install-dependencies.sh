#!/usr/bin/env bash
# Installs what is missing to build Cobatch and run its examples, on Debian and its relatives with apt; elsewhere it
# says what to install. With --tests also what the tests need; with --style clang-format, with --tidy clang-tidy.
#
#   cmake/install-dependencies.sh [--tests] [--style] [--tidy]
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config ccache curl jq libsimdjson-dev libfmt-dev libexpected-dev libsqlite3-dev
  libcpp-httplib-dev libcli11-dev doctest-dev zlib1g-dev)
for option in "$@"; do
  case $option in
    --tests) packages+=(clang-14 python3) ;;
    --style) packages+=(clang-format-14) ;;
    --tidy) packages+=(clang-tidy-14) ;;
    *)
      echo "usage: $0 [--tests] [--style] [--tidy]" >&2
      exit 2
      ;;
  esac
done

elsewhere() {
  cat >&2 <<END
Cobatch needs: a C++20 compiler (g++ 12 or clang 14 and later), CMake 3.22, Ninja, pkg-config, curl, jq, and the
libraries simdjson, fmt, tl-expected, SQLite 3, cpp-httplib, CLI11 and doctest with their headers.
Debian calls them: ${packages[*]}
END
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  # Not Debian: what is there shows when CMake looks for it.
  for tool in cmake ninja pkg-config curl jq; do
    if ! command -v "$tool" >/dev/null; then
      echo "$tool is missing, and there is no apt here to install it with." >&2
      elsewhere
      exit 1
    fi
  done
  exit 0
fi

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo to install them with. As root:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing with apt: ${missing[*]}"
# The lists of packages may be old, or missing altogether.
if ! { "${as_root[@]}" apt-get update &&
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt could not install them; its last words are above." >&2
  elsewhere
  exit 1
fi
