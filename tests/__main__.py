"""All checks of the project: `python -m tests [all | twice | colab] [--only STAGE ...] [--changed]`.

Every stage runs, even after one that failed. The last lines say what passed, what failed, and what was skipped and why.
Exit status: 0 when no stage failed, 1 otherwise.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optcourse.authoring import course
from optcourse.authoring.execution import CELL_TIMEOUT, clean_environment
from tests.changes import changed_files, lessons_touched

ROOT = Path(__file__).resolve().parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
# A notebook runs in one kernel, so its cells stay together; unit tests go where there is room, groups aside.
NOTEBOOK_WORKERS = ("-n", "2", "--dist", "loadscope")
BROWSER_WORKERS = ("-n", "2")
UNIT_WORKERS = ("-n", "2", "--dist", "loadgroup")
# What an instructor does on a machine of his own, which no release of Colab's changes: a class is not graded there.
NOT_ON_COLAB = (
    *(f"--ignore=tests/grading/{name}" for name in ("classrun", "exports", "test_mutants.py", "test_page.py")),
    *(f"--ignore=tests/grading/sandbox/test_{name}.py" for name in ("attacks", "isolation")),
    "--deselect=tests/grading/test_kill_matrix.py::test_every_answer_gets_the_same_card_where_only_plain_values_cross",
)
# pytest's own warnings as errors are meant for our code, not for what nbval imports.
NBVAL = (
    "--nbval",
    "--nbval-current-env",
    f"--nbval-cell-timeout={5 * CELL_TIMEOUT}",  # a busy machine is no failure; the plugin tells what took how long
    "--nbval-kernel-startup-timeout=300",
    "--nbval-sanitize-with=tests/sanitize.cfg",
    "-p",
    "tests.notebook_plugin",
    "-o",
    "filterwarnings=default",
)


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: `passed`, `failed` or `skipped`, and the reason of a skip."""

    word: str
    reason: str = ""


class Runner:
    """Runs commands in one clean environment; each stage is a method that returns its outcome."""

    def __init__(self, folder: Path, changed_only: bool) -> None:
        self.changed_only = changed_only
        self.environment = clean_environment(folder) | {
            "OPTCOURSE_TEST_HOMES": str(folder / "homes"),
            "MPLBACKEND": "agg",
            "PYTHONUNBUFFERED": "1",
        }
        self.notebook_environment = {k: v for k, v in self.environment.items() if k != "MPLBACKEND"}

    def call(self, *command: str, environment: dict[str, str] | None = None) -> Outcome:
        """Run `python command` in the checkout, its output left visible."""
        print("$ python", *command, flush=True)
        status = subprocess.call([sys.executable, *command], cwd=ROOT, env=environment or self.environment)
        return Outcome("passed" if status == 0 else "failed")

    def notebooks(self) -> list[str]:
        """The course's notebook files that are there; those of the changed lessons only, when so asked."""
        paths = [path for path in course.expected_notebooks() if (ROOT / path).exists()]
        files = changed_files() if self.changed_only else None
        if files is not None:
            touched = lessons_touched(files)
            paths = [path for path in paths if path.stem.partition("_")[2] in touched]
        return [path.as_posix() for path in paths]

    def nbval(self, *options: str) -> Outcome:
        """Run every notebook and compare its outputs with the stored ones."""
        notebooks = self.notebooks()
        if not notebooks:
            return Outcome("skipped", "no lesson changed" if self.changed_only else "no notebook is there")
        # matplotlib's first import on a machine builds a font cache, and says so in the first notebook's output.
        subprocess.call([sys.executable, "-c", "import matplotlib.font_manager"], env=self.notebook_environment)
        return self.call("-m", "pytest", *NBVAL, *options, *notebooks, environment=self.notebook_environment)

    def ruff_lint(self) -> Outcome:
        return self.call("-m", "ruff", "check", ".")

    def ruff_format(self) -> Outcome:
        return self.call("-m", "ruff", "format", "--check", ".")

    def types(self) -> Outcome:
        return self.call("-m", "mypy")

    def contracts(self) -> Outcome:
        return self.call("-c", "from importlinter import cli; cli.lint_imports_command()")

    def units(self) -> Outcome:
        return self.call("-m", "pytest", *UNIT_WORKERS, "-m", "not browser")

    def notebooks_two_workers(self) -> Outcome:
        return self.nbval(*NOTEBOOK_WORKERS)

    def notebooks_serial(self) -> Outcome:
        return self.nbval("-n", "0")

    def browser(self) -> Outcome:
        found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
        if not found:
            if os.environ.get("CI"):
                print("CI runs the browser test, and there is no Chromium")
                return Outcome("failed")
            return Outcome("skipped", "no Chromium found; on Debian: apt install chromium")
        if not any((ROOT / "tests" / "browser").glob("test_*.py")):
            return Outcome("skipped", "there is no browser test")
        environment = self.environment | {"OPTCOURSE_CHROMIUM": found}
        return self.call("-m", "pytest", *BROWSER_WORKERS, "-m", "browser", "tests/browser", environment=environment)

    def colab_units(self) -> Outcome:
        folders = [f"tests/{name}" for name in ("widgets", "plots", "grading") if (ROOT / "tests" / name).is_dir()]
        return self.call("-m", "pytest", *UNIT_WORKERS, *NOT_ON_COLAB, "-m", "not browser", *folders)


Stage = Callable[[Runner], Outcome]
SUITES: dict[str, dict[str, Stage]] = {
    "all": {
        "lint": Runner.ruff_lint,
        "format": Runner.ruff_format,
        "types": Runner.types,
        "contracts": Runner.contracts,
        "units": Runner.units,
        "notebooks": Runner.notebooks_two_workers,
        "browser": Runner.browser,
    },
    "twice": {
        "first": Runner.notebooks_serial,
        "second": Runner.notebooks_serial,
        "workers": Runner.notebooks_two_workers,
    },
    "colab": {"notebooks": Runner.notebooks_two_workers, "units": Runner.colab_units},
}


def run(stages: dict[str, Stage], changed_only: bool) -> int:
    """Run the stages one after the other and sum up; the exit status."""
    outcomes: dict[str, tuple[Outcome, float]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        runner = Runner(Path(folder), changed_only)
        for name, stage in stages.items():
            print(f"\n=== {name} ===", flush=True)
            start = time.perf_counter()
            outcome = stage(runner)
            outcomes[name] = (outcome, time.perf_counter() - start)
    print("\n=== summary ===")
    for name, (outcome, seconds) in outcomes.items():
        print(f"{outcome.word:<8} {name:<10} {seconds:6.1f} s  {outcome.reason}".rstrip())
    words = [outcome.word for outcome, _ in outcomes.values()]
    print(f"stages: {words.count('passed')} passed, {words.count('failed')} failed, {words.count('skipped')} skipped")
    return int("failed" in words)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__.splitlines()[0])
    parser.add_argument("suite", nargs="?", default="all", choices=SUITES)
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="these stages alone")
    parser.add_argument("--changed", action="store_true", help="notebooks of the lessons that changed, see changes.py")
    parser.add_argument("--list", action="store_true", help="print suites and stages")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{suite}: {' '.join(stages)}" for suite, stages in SUITES.items()))
        return 0
    stages = SUITES[options.suite]
    if unknown := set(options.only or ()) - stages.keys():
        parser.error(f"no stage {', '.join(sorted(unknown))} in {options.suite}; there are {', '.join(stages)}")
    return run({name: stage for name, stage in stages.items() if name in (options.only or stages)}, options.changed)


if __name__ == "__main__":
    sys.exit(main())
