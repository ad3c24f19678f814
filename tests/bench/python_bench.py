#!/usr/bin/env python3
"""What the Python package costs, against the C interface and against what it imports, in one run on one disk.

    python_bench.py CAPI_BENCH [FOLDER]

CAPI_BENCH is the program capi_bench; COBATCH_LIBRARY and PYTHONPATH name the library and the package. Blocks of both
sides alternate, so that both meet the same machine.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import cobatch

ROUNDS = 100
BLOCK = 20
IMPORTS = 60


def show(name, times_us):
    ordered = sorted(times_us)
    at = [ordered[int(q * (len(ordered) - 1))] for q in (0.5, 0.9, 0.99)]
    print(f"  {name:<44} n={len(ordered):<6} p50 {at[0]:9.1f}  p90 {at[1]:9.1f}  p99 {at[2]:9.1f} us")


def show_ratio(name, value, target):
    print(f"  => {name:<42} {value:.3f}   ({target})\n")


def assigns(capi_bench, folder):
    print("durable assign from Python, against the same from C")
    c_folder, python_folder = os.path.join(folder, "c"), os.path.join(folder, "python")
    os.makedirs(c_folder)
    os.makedirs(python_folder)
    c_times, python_times = [], []
    with subprocess.Popen(
        [capi_bench, "--assign", c_folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as by_c, cobatch.open(python_folder) as ws:
        description = "d" * 250
        number = 0
        for _ in range(ROUNDS):
            by_c.stdin.write(f"{BLOCK}\n")
            by_c.stdin.flush()
            c_times += [int(ns) / 1000 for ns in by_c.stdout.readline().split()]
            for _ in range(BLOCK):
                number += 1
                start = time.perf_counter_ns()
                ws.assign(f"p{number}", description, batch="bench", keep_open=True)
                python_times.append((time.perf_counter_ns() - start) / 1000)
        by_c.stdin.close()
    show("cobatch_assign_task", c_times)
    show("Workspace.assign", python_times)
    show_ratio("Python / C", statistics.median(python_times) / statistics.median(c_times), "target <= 1.2")


def import_time(what):
    code = f"import time\nstart = time.perf_counter_ns()\n{what}\nprint(time.perf_counter_ns() - start)"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout) / 1000


def imports():
    print("import, in a new interpreter each time")
    least, ours, used = [], [], []
    for _ in range(IMPORTS):
        least.append(import_time("import ctypes, json"))
        ours.append(import_time("import cobatch"))
        used.append(import_time("import cobatch; cobatch.open"))
    show("import ctypes, json", least)
    show("import cobatch", ours)
    show("import cobatch, and its first use", used)
    show_ratio("import cobatch / import ctypes, json", statistics.median(ours) / statistics.median(least), "target <= 1.3")
    show_ratio("with its first use", statistics.median(used) / statistics.median(least), "no target")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    imports()
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) == 3 else None) as folder:
        assigns(sys.argv[1], folder)


if __name__ == "__main__":
    main()
