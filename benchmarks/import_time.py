"""What `import optcourse` adds to `import torch`: `python benchmarks/import_time.py [rounds]`.

Each round starts one fresh interpreter per statement, in turn, so that a busy moment hits all alike. The figure is the
process time of the import alone; its promise is a ratio of at most 1.1.
"""

import statistics
import subprocess
import sys

LIMIT = 1.1
STATEMENTS = ("import torch", "import torch, optcourse")
PROGRAM = "import time; start = time.process_time(); {}; print(time.process_time() - start)"


def seconds(statement: str) -> float:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for statement in STATEMENTS:
        seconds(statement)  # compiles and caches what was never imported before
    times = {statement: [] for statement in STATEMENTS}
    for _ in range(rounds):
        for statement in STATEMENTS:
            times[statement].append(seconds(statement))
    base = statistics.median(times["import torch"])
    for statement, measured in times.items():
        median = statistics.median(measured)
        print(f"{statement:<28} {median:6.3f} s [{min(measured):.3f}, {max(measured):.3f}]   ratio {median / base:.3f}")
    return int(statistics.median(times["import torch, optcourse"]) > LIMIT * base)


if __name__ == "__main__":
    sys.exit(main())
