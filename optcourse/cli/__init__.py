"""The command `optcourse`: lab, doctor, report, grade. `optcourse COMMAND --help` tells more.

Exit status: 0 done; 1 the course cannot run, or what was asked for could not be done (the reason is on stderr);
2 the command line was wrong.
"""

import argparse
import importlib
import sys
from pathlib import Path

from optcourse import __version__
from optcourse.cli import grade

DEFAULT_FOLDER = Path("optcourse-lab")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    main = argparse.ArgumentParser(
        prog="optcourse",
        description="A course on deep-learning optimization that proves what it says.",
        epilog="Exit status: 0 done, 1 could not be done, 2 wrong command line.",
    )
    main.add_argument("--version", action="version", version=f"optcourse {__version__}")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab",
        help="lay the notebooks out in a folder and open JupyterLab on them",
        description=f"Lay the notebooks out in DIR (default: ./{DEFAULT_FOLDER}) and open JupyterLab on the start "
        "page. A file that you changed is never overwritten: a newer lesson is put beside it. A checkout of the "
        "repository as DIR is opened as it is.",
        epilog="Everything after -- goes to JupyterLab, as in: optcourse lab -- --port=9999",
    )
    lab.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    lab.add_argument("--no-start", action="store_true", help="lay the notebooks out and stop there")
    lab.add_argument("--no-browser", action="store_true", help="print the address, do not open a browser")
    lab.add_argument(
        "--reset", metavar="ID", help="restore one exercise cell, as optimizers.adam; your answer is kept beside it"
    )

    doctor = commands.add_parser("doctor", help="say what is there, what is missing, and how to get it")
    doctor.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER, metavar="DIR", help="your notebooks")
    doctor.add_argument("--grading", action="store_true", help="try the sandbox of `optcourse grade` too")
    doctor.add_argument("--json", action="store_true", help="for programs")

    report = commands.add_parser("report", help="your points so far")
    report.add_argument("--json", action="store_true", help="for programs")
    report.add_argument("--html", type=Path, metavar="FILE", help="write a page instead")

    grade.add_arguments(commands)
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    ours, passed_on = _split(given)
    parsing = parser()
    options = parsing.parse_args(ours)
    if passed_on and options.command != "lab":
        parsing.error("only `optcourse lab` takes arguments after --")
    try:  # each command is a module, loaded when asked for: `lab` needs no torch
        command = importlib.import_module(f"optcourse.cli.{options.command}")
        return command.run(options, passed_on)
    except (OSError, ValueError, KeyError) as error:
        reason = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"optcourse {options.command}: {reason}", file=sys.stderr)
        return 1


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments, and those behind the first `--`."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]
