"""`python -m optcourse.authoring COMMAND`: see `--help`. Exit status: 0 done, 1 findings or a failed cell, 2 usage."""

import argparse
import sys
import time
from pathlib import Path

from optcourse.authoring import checks, course, coursemap, execution, stripping, textform


def strip(solution: Path, *, execute: bool) -> None:
    """Generate the student's notebook beside solutions/, in exercises/, and execute it for its outputs."""
    if solution.resolve().parent.name != course.SOLUTIONS:
        raise ValueError(f"{solution}: exercises are generated from {course.SOLUTIONS}/NN_slug.ipynb; name that file")
    student = stripping.strip(execution.read(solution))
    target = solution.resolve().parent.parent / course.EXERCISES / solution.name
    target.parent.mkdir(exist_ok=True)
    if execute:
        execution.run(student, target.parent, lesson=execution.lesson_of(solution))
    execution.write(student, target)
    print(f"wrote {target.parent.name}/{target.name}")


def execute(path: Path) -> None:
    """Re-execute one notebook file in place and say how long it took."""
    print(f"executed {path.parent.name}/{path.name} in {execution.execute(path):.1f} s", flush=True)


def refresh(lessons: list[str]) -> None:
    """Re-execute the notebooks of these lessons, all when none is named, and regenerate their exercises."""
    root = course.root()
    for path in course.expected_notebooks((course.LESSONS, course.SOLUTIONS)):
        if lessons and execution.lesson_of(path) not in lessons:
            continue
        execute(root / path)
        if path.parent.name == course.SOLUTIONS:
            strip(root / path, execute=True)


def verify(paths: list[Path]) -> int:
    """Print what a reader of these notebooks would trip over; the number of findings."""
    root = course.root()
    findings = checks.course_findings(root) if not paths else []
    for path in paths or [root / path for path in course.expected_notebooks() if (root / path).exists()]:
        findings += [f"{path.parent.name}/{path.name}: {finding}" for finding in checks.notebook_findings(path)]
    print("\n".join(findings) or "nothing found")
    return len(findings)


def edit(path: Path, *, back: bool) -> None:
    """Write the notebook's text form, or take it back."""
    if path.resolve().parent.name == course.EXERCISES:
        raise ValueError(f"{path} is generated; edit {course.SOLUTIONS}/{path.name} and run strip")
    text = textform.text_path(path.resolve(), course.root())
    if back:
        textform.from_text(text, path)
        print(f"updated {path}; now: python -m optcourse.authoring execute {path}")
    else:
        textform.to_text(path, text)
        print(f"edit {text.relative_to(course.root())}, then: python -m optcourse.authoring from-text {path}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    main = argparse.ArgumentParser(prog="python -m optcourse.authoring", description="Notebook workflow.")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help, files in [
        ("execute", "re-execute notebook files and store their outputs", "+"),
        ("strip", "generate exercises/NN_slug.ipynb from solutions/NN_slug.ipynb, and execute it", "+"),
        ("verify", "list what is wrong with notebook files, the whole course when none is named", "*"),
        ("text", "write the py:percent text of a notebook to build/text/, to edit it there", "+"),
        ("from-text", "take the edited text back; outputs of unchanged cells stay", "+"),
    ]:
        command = commands.add_parser(name, help=help)
        command.add_argument("files", nargs=files, type=Path, metavar="FILE")
        if name == "strip":
            command.add_argument("--no-execute", action="store_true", help="leave the outputs empty")
    commands.add_parser("readme", help="write the map of the course into README.md")
    command = commands.add_parser("refresh", help="execute and strip all notebooks, or those of the lessons named")
    command.add_argument("lessons", nargs="*", metavar="SLUG")
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = parser().parse_args(arguments)
    start = time.perf_counter()
    try:
        if options.command == "verify":
            return int(verify(options.files) > 0)
        if options.command == "readme":
            coursemap.update_readme(course.root())
        if options.command == "refresh":
            refresh(options.lessons)
            print(f"all in {time.perf_counter() - start:.0f} s")
        for path in getattr(options, "files", []):
            if options.command == "execute":
                execute(path)
            elif options.command == "strip":
                strip(path, execute=not options.no_execute)
            else:
                edit(path, back=options.command == "from-text")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
