"""`optcourse grade`: a class's submissions, graded in a sandbox; marks, feedback and a report in one folder."""

import argparse
import errno
import sys
from collections import Counter
from functools import partial
from pathlib import Path

JOURNAL = "journal.jsonl"

EPILOG = """\
SUBMISSIONS holds one folder a learner, or is a download of Canvas or Moodle (unpacked) or nbgrader's course folder.
A roster is a CSV file with a column id (and name, email), or the gradebook exported from Canvas, the grading worksheet
of Moodle, or nbgrader's students.

A run can be stopped at any moment; the same command goes on from there. What is graded already is not graded again
unless the file, the hidden cases or optcourse changed. DIR/report.html tells what to look at first.

Hidden cases: a TOML file with seed = "any text", and if wanted cases = 2 and per_learner = true. Keep it to yourself.
"""


def add_arguments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    grade = commands.add_parser(
        "grade",
        help="grade a class's submissions",
        description="Grade submitted notebooks in a sandbox and write marks, feedback pages and a class report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS")
    grade.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results go, and are gone on from")
    grade.add_argument("--roster", type=Path, metavar="FILE", help="who is expected; without it whoever handed in")
    grade.add_argument(
        "--lesson", action="append", default=[], metavar="SLUG", help="expected of everybody; repeatable"
    )
    grade.add_argument("--layout", metavar="NAME", help="folders, canvas, moodle, nbgrader or nbgrader-inbound")
    grade.add_argument("--hidden", type=Path, metavar="FILE", help="cases that the class has not seen")
    grade.add_argument(
        "--regrade", metavar="ID", help="grade one exercise again in all submissions, as optimizers.adam"
    )
    grade.add_argument("--workers", type=_positive, metavar="N", help="processes (default: one a core)")
    grade.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler to grade on, as tcp://10.0.0.1:8786")
    grade.add_argument(
        "--unsafe",
        action="store_true",
        help="grade without isolation where there is none: a submission can then read and change what you can",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, got {text}")
    return number


def run(options: argparse.Namespace, _passed_on: list[str]) -> int:
    """Carry out the command; the exit status."""
    if sys.platform == "win32":
        raise ValueError("a class run needs Linux or macOS for its processes; on Windows use WSL")
    from optcourse import catalogue
    from optcourse.grading.classrun import Interrupted, Settings, collect, read_roster
    from optcourse.grading.classrun import run as run_class
    from optcourse.grading.submission import HiddenCases

    lessons = [catalogue.lesson(slug).slug for slug in options.lesson]
    _refuse_nesting(options.submissions, options.out)
    roster = read_roster(options.roster) if options.roster else None
    hidden = HiddenCases.from_file(options.hidden) if options.hidden else None
    settings = Settings(hidden, unsafe=options.unsafe)
    pool = None
    if options.cluster:
        from optcourse.grading.classrun.cluster import dask_pool

        pool = partial(dask_pool, settings, options.cluster)
    try:
        outcome = run_class(
            collect(options.submissions, options.layout),
            options.out / JOURNAL,
            roster=roster,
            settings=settings,
            lessons=lessons,
            regrade=options.regrade,
            workers=options.workers,
            pool=pool,
        )
    except Interrupted as stopped:
        print(f"optcourse grade: {stopped}", file=sys.stderr)
        return 1
    from optcourse.grading.exports import write_all  # draws, which takes a second to load

    try:
        written = write_all(outcome.rows, options.out, roster)
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise ValueError(
            f"everything is graded and kept in {options.out / JOURNAL}, but the outputs could not be written "
            f"({reason}); make room, and the same command writes them"
        ) from None
    _say(outcome, written)
    return 0


def _refuse_nesting(submissions: Path, out: Path) -> None:
    inside = submissions.resolve() in (out.resolve(), *out.resolve().parents)
    if inside:
        raise ValueError(f"results must not lie among the submissions, and {out} is inside {submissions}")


def _say(outcome, written: list[Path]) -> None:
    counts = Counter(str(row.result.status) for row in outcome.rows)
    regraded = f", regraded {outcome.regraded}" if outcome.regraded else ""
    print(f"graded {outcome.graded}{regraded}, kept {outcome.kept} from before")
    print(f"{len(outcome.rows)} rows: " + ", ".join(f"{count} {status}" for status, count in counts.most_common()))
    held = Counter(row.result.isolation for row in outcome.rows if row.result.isolated and row.result.isolation)
    if held:
        ways = ", ".join(f"{count} by {way}" for way, count in held.most_common())
        print(f"isolated: {ways} (`optcourse doctor --grading` names every layer)")
    bare = sum(not row.result.isolated for row in outcome.rows)
    if bare:
        print(f"{bare} of them NOT ISOLATED: what those notebooks did to this machine is not known", file=sys.stderr)
    if outcome.unfinished:
        print(f"grading {outcome.unfinished} anew was stopped; --regrade {outcome.unfinished} goes on", file=sys.stderr)
    if outcome.unread:
        print(f"{outcome.unread} lines of {JOURNAL} could not be read and count for nothing", file=sys.stderr)
    print("\n".join(f"wrote {path}" for path in written))
