#!/usr/bin/env bash
# Installs what is missing to build Cobatch and run its examples, on Debian and its relatives with apt; elsewhere it
# says what to install.
#
#   cmake/install-dependencies.sh [--tests] [--install] [--bundle] [--style] [--tidy] [--fuzz]
#
#   --tests     also what the tests need
#   --install   also what the tests of installation need
#   --bundle    also the sources that a wheel has inside (COBATCH_BUNDLE), into build/sources
#   --style     also clang-format
#   --tidy      also clang-tidy
#   --fuzz      also what the fuzzers need
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config curl jq libsimdjson-dev libfmt-dev libexpected-dev libsqlite3-dev
  libcli11-dev libboost-dev)
bundle=
for option in "$@"; do
  case $option in
    --tests) packages+=(ccache doctest-dev git python3 python3-cffi abigail-tools) ;;
    --install) packages+=(clang-14 python3-pip python3-venv) ;;
    --bundle) bundle=1 ;;
    --style) packages+=(clang-format-14) ;;
    --tidy) packages+=(clang-tidy-14) ;;
    --fuzz) packages+=(clang-14 libclang-rt-14-dev) ;;
    *)
      sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
      exit 2
      ;;
  esac
done

elsewhere() {
  cat >&2 <<END
Cobatch needs: a C++20 compiler (g++ 12 or clang 14 and later), CMake 3.22, Ninja, pkg-config, curl, jq, and the
libraries simdjson, fmt, tl-expected, SQLite 3, CLI11 and Boost with their headers; its tests also doctest.
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

as_root=()
if ((EUID != 0)); then as_root=(sudo); fi
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

install_missing() {
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo to install them with. As root:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing with apt (the log is shown if it fails): ${missing[*]}"
  # The lists of packages may be old, or missing altogether.
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"; } >"$temp/log" 2>&1; then
    tail -n 20 "$temp/log" >&2
    echo "apt could not install them; its last words are above." >&2
    elsewhere
    exit 1
  fi
}
if ((${#missing[@]} > 0)); then install_missing; fi

if [[ ! $bundle ]]; then exit 0; fi

# get_source NAME-VERSION FILE SHA256: a source package's FILE from Debian's archive to build/sources/NAME-VERSION. What
# cannot be had from there is downloaded by CMake (cmake/bundle.cmake), so a failure here is not an error.
sources=$(cd "$(dirname "$0")/.." && pwd)/build/sources
get_source() {
  if [[ -e $sources/$1 ]]; then return; fi
  local archive
  # shellcheck disable=SC2016
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Component: main' 'Created-By: Packages' |
    head -n 1) || true
  {
    mkdir -p "$sources" "$temp/$1" &&
      /usr/lib/apt/apt-helper download-file "${archive}pool/main/$2" "$temp/source" "SHA256:$3" &&
      tar -xf "$temp/source" -C "$temp/$1" --strip-components=1 &&
      mv "$temp/$1" "$sources/$1"
  } >"$temp/log" 2>&1 || true
}
get_source simdjson-3.0.1 s/simdjson/simdjson_3.0.1.orig.tar.gz \
  156b1bc5eb0561b2bd166b46d191fd3d95a3e709cc63761477d3b7aec2b6e9ed
get_source fmt-9.1.0 f/fmtlib/fmtlib_9.1.0+ds1.orig.tar.gz \
  84ce1c2d0be3a9863935137969dcec6970125caac032f82474640bfc81463583
