#!/usr/bin/env bash
# The README's C++ is a file that is compiled and run: readme.sh SOURCE
# shellcheck source=tests/install/common.sh
source "$(dirname "$0")/common.sh"
cd "$1"
sed -n '/^```cpp$/,/^```$/{/^```/d;p}' README.md >"$temp/readme.cpp"
diff -u examples/cpp/three_tasks.cpp "$temp/readme.cpp"
sed -n '/^```python$/,/^```$/{/^```/d;p}' README.md >"$temp/readme.py"
diff -u examples/command/agent.py "$temp/readme.py"
