"""The project's commands, the same on every system: `python tools/tasks.py TASK [arguments]`. `make TASK` calls this.

Each task makes the environment it needs first (see environment.py) and then runs in it. Standard library only.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment

ROOT = environment.ROOT
COLAB_VENV = ROOT / ".venv-colab"
ALL = ["lab", "test", "cluster", "runtimes", "peers"]  # the extras that a maintainer needs


def lab(options):
    """Lay the notebooks out in optcourse-lab/ and open JupyterLab there; arguments are passed on to it."""
    run(options, ["lab"], ["-m", "optcourse.cli", "lab", *dashed(options.arguments)])


def test(options):
    """Run all checks and tests; arguments name single stages, `--list` tells them."""
    run(options, ALL, ["-m", "tests", *options.arguments])


def test_twice(options):
    """Run every notebook twice in a row, serially and with two workers; `--changed` runs those that changed."""
    run(options, ALL, ["-m", "tests", "twice", *options.arguments])


def test_colab(options):
    """Run notebooks, widgets, plots and checks with Colab's releases, in .venv-colab."""
    options.venv, options.constraints = COLAB_VENV, ROOT / "constraints-colab.txt"
    run(options, ["test"], ["-m", "tests", "colab", *options.arguments])


def notebooks(options):
    """Re-execute notebooks and store their outputs, exercises generated anew; arguments name lessons by slug."""
    run(options, ALL, ["-m", "optcourse.authoring", "refresh", *options.arguments])


def edit_text(options):
    """Write the text form of the notebook files named to build/text/, to edit them there."""
    run(options, ALL, ["-m", "optcourse.authoring", "text", *options.arguments])


def update_text(options):
    """Take the edited text form of the notebook files named back, and execute them."""
    run(options, ALL, ["-m", "optcourse.authoring", "from-text", *options.arguments])
    run(options, ALL, ["-m", "optcourse.authoring", "execute", *options.arguments])


def claims(options):
    """Recompute all recorded claims."""
    run(options, ALL, ["-m", "optcourse.experiments", *options.arguments])


def benchmarks(options):
    """Run the benchmarks, all or those named, and print their tables."""
    names = options.arguments or sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    for name in names:
        run(options, ALL, [str(ROOT / "benchmarks" / f"{name}.py")])


def lock(options):
    """Write constraints.txt anew from the environment's releases, once all tests have passed with them."""
    python = environment.ensure(options.venv, options.constraints, ALL)
    freeze = subprocess.run([str(python), "-m", "pip", "freeze"], stdout=subprocess.PIPE, text=True, check=True).stdout
    header = [line for line in options.constraints.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    pins = [line.partition("+")[0] for line in freeze.splitlines() if "==" in line and line[0] not in "#-"]
    pins.sort(key=str.lower)
    options.constraints.write_text("\n".join(header + pins) + "\n", encoding="utf-8", newline="\n")
    print(f"wrote {len(pins)} releases to {options.constraints.name}")


def clean(_options):
    """Delete caches and built files. Environments, notebooks and points stay."""
    caches = ["build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis"]
    folders = [ROOT / name for name in caches]
    for name in ["optcourse", "tests", "tools", "benchmarks", "notebooks", "exercises", "solutions"]:
        folders += [path for kind in ("__pycache__", ".ipynb_checkpoints") for path in (ROOT / name).rglob(kind)]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


TASKS = {
    "lab": lab,
    "test": test,
    "test-twice": test_twice,
    "test-colab": test_colab,
    "notebooks": notebooks,
    "edit-text": edit_text,
    "update-text": update_text,
    "claims": claims,
    "benchmarks": benchmarks,
    "lock": lock,
    "clean": clean,
}


def dashed(arguments):
    """Arguments for another program, behind the `--` that says so; none when there are none."""
    return ["--", *arguments] if arguments else []


def run(options, extras, command):
    """Run the environment's Python with this command in the checkout; leave with its exit status unless that is 0."""
    python = environment.ensure(options.venv, options.constraints, extras)
    try:
        status = subprocess.call([str(python), *command], cwd=str(ROOT))
    except KeyboardInterrupt:
        status = 130
    if status:
        sys.exit(status)


def main():
    """The command line; exit status of the task's command, 1 when the environment cannot be made."""
    width = max(map(len, TASKS))
    listing = "\n".join(f"  {name:<{width}}  {task.__doc__.splitlines()[0]}" for name, task in TASKS.items())
    parser = argparse.ArgumentParser(
        description="The project's commands.",
        epilog="tasks:\n" + listing,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--venv", type=Path, default=Path(os.environ.get("VENV") or ROOT / ".venv"), help="environment")
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt", help="limits on the releases")
    parser.add_argument("task", choices=TASKS, metavar="TASK")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    options.arguments = [argument for argument in options.arguments if argument != "--"]
    options.venv = options.venv.absolute()
    try:
        TASKS[options.task](options)
    except environment.UnusableError as error:
        environment.say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
