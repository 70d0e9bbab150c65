"""The map of the course, from the catalogue: for the start page and, with Colab badges, for the README."""

import itertools
import re
from pathlib import Path

from optcourse import catalogue

BADGE = "[![Open in Colab](docs/images/open-in-colab.svg)]({link})"
MARKED = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- end of map -->)", re.S)


def colab_link(kind: str, stem: str) -> str:
    """The address that opens a notebook of the course's repository in Colab, as of notebooks, 04_optimizers."""
    return f"https://colab.research.google.com/github/{catalogue.repository()}/blob/main/{kind}/{stem}.ipynb"


def course_map(*, badges: bool = False) -> str:
    """The map as a Markdown table: parts, lessons with links to their notebooks, what is only planned yet.

    Args:
        badges: with a column of links that open a lesson in Colab.
    """
    rows = []
    for part, group in itertools.groupby(catalogue.lessons(), lambda lesson: lesson.part):
        rows.append(["", f"**{part}**", "", "", ""])
        rows += [_row(lesson) for lesson in group]
    columns = 5 if badges else 4
    table = [["", "lesson", "question", "work", ""], ["---"] * 5, *rows]
    return "\n".join(f"| {' | '.join(row[:columns])} |" for row in table)


def _row(lesson: catalogue.Lesson) -> list[str]:
    if not lesson.ready:
        return [f"{lesson.number:02d}", lesson.title, lesson.question, "planned", ""]
    title = f"[{lesson.title}](notebooks/{lesson.stem}.ipynb)"
    work = f"{lesson.minutes} min"
    if exercises := catalogue.exercises(lesson.slug):
        points = sum(exercise.points for exercise in exercises)
        work += f" + [{len(exercises)} exercises, {points:g} points](exercises/{lesson.stem}.ipynb)"
    badge = BADGE.format(link=colab_link("notebooks", lesson.stem))
    return [f"{lesson.number:02d}", title, lesson.question, work, badge]


def with_map(readme: str) -> str:
    """The README with the map as it is now between its marks.

    Raises:
        ValueError: if the marks are missing.
    """
    if not MARKED.search(readme):
        raise ValueError("no marks for the map; write <!-- map --> and <!-- end of map -->, each on a line of its own")
    return MARKED.sub(lambda _: course_map(badges=True) + "\n", readme)


def update_readme(root: Path) -> None:
    """Write the map into README.md."""
    path = root / "README.md"
    path.write_text(with_map(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
