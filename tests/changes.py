"""Which lessons a change touches: what CI runs a second time, and with Colab's releases."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import PurePosixPath

from optcourse import catalogue

# Files that no notebook's outputs depend on.
ASIDE = ("tests/", "benchmarks/", "docs/", ".ci/")


def lessons_touched(paths: Iterable[str]) -> set[str]:
    """Slugs of the ready lessons whose notebooks could run differently after a change of these files.

    A file named after a lesson (its module or package, experiments, checks, notebooks) touches that lesson and those
    that need it; text and tests touch none; any other file touches all.
    """
    ready = {lesson.slug: lesson for lesson in catalogue.lessons() if lesson.ready}
    touched: set[str] = set()
    for path in map(PurePosixPath, paths):
        named = {part.partition(".")[0] for part in path.parts} | {path.stem.partition("_")[2]}
        if owners := named & ready.keys():
            touched |= owners
        elif not (str(path).startswith(ASIDE) and path.name != "sanitize.cfg") and path.suffix != ".md":
            return set(ready)
    while more := {slug for slug, lesson in ready.items() if touched.intersection(lesson.needs)} - touched:
        touched |= more
    return touched


def changed_files() -> list[str] | None:
    """Files changed since OPTCOURSE_BASE or, without it, since the newest commit at least a day older than the last.

    None when that cannot be told (no git, no such commit, OPTCOURSE_EVERYTHING is set): take everything as changed.
    """
    if os.environ.get("OPTCOURSE_EVERYTHING"):
        return None
    try:
        base = os.environ.get("OPTCOURSE_BASE")
        if not base:
            newest = int(_git("log", "-1", "--format=%ct"))
            base = _git("rev-list", "-1", f"--before={newest - 24 * 3600}", "HEAD")
        return _git("diff", "--name-only", base, "--").splitlines() if base else None
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
