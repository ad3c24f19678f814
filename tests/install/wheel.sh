#!/usr/bin/env bash
# The Python package as a wheel, built and installed alone into a new environment: library and programs need the C
# library and SQLite and nothing else, and find one another: wheel.sh SOURCE FOLDER
#
# FOLDER keeps what it was built with and from, for the next time. Exit code 77: it could not be tried here.
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
tree=$1 folder=$2
unset COBATCH_KEEPER COBATCH_LIBRARY PYTHONPATH
skip() {
  echo "The wheel was NOT tested: $1"
  exit 77
}

python3 -m venv "$temp/environment" || skip "python3 -m venv does not work; install python3-venv"
[[ -x $folder/tools/bin/pip ]] || python3 -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet 'scikit-build-core>=0.10' || skip "pip could not get scikit-build-core"

rm -rf "$folder/wheels"
"$folder/tools/bin/pip" wheel --no-build-isolation --no-deps -C build-dir="$folder/build" -w "$folder/wheels" \
  "$tree/bindings/python"
wheel=$(echo "$folder/wheels"/*.whl)
[[ $wheel == *-py3-none-linux_"$(uname -m)".whl ]]
"$temp/environment/bin/pip" install --quiet --no-index "$wheel"

cd "$temp"
library=$(find environment -name libcobatch.so.0)
programs=(environment/bin/cobatch environment/libexec/cobatch/cobatch-{keeper,scripted}
  "${library%/*}"/cobatch-{keeper,scripted})
for binary in "$library" "${programs[@]}"; do
  others=$(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -vE '^(libc|libm|libdl|libpthread|libsqlite3|ld-linux-[a-z0-9-]*)\.so\.[0-9]+$' || true)
  [[ -z $others ]] || { echo "$binary needs $others" && exit 1; }
  must_not grep -aF -e "$folder" -e "$tree" "$binary"
done
size=$(stat -c %s "$library")
echo "libcobatch.so.0, stripped: $size bytes"
((size < 2000000))
must_not grep -q debug_info <(readelf -S "$library")

"$here/program.sh" environment
PYTHONDONTWRITEBYTECODE=1 environment/bin/python -m unittest discover -s "$tree/bindings/python/tests"
