"""Which notebooks the repository holds, from the catalogue."""

from pathlib import Path

from optcourse import catalogue

LESSONS, EXERCISES, SOLUTIONS = "notebooks", "exercises", "solutions"
KINDS = (LESSONS, EXERCISES, SOLUTIONS)


def root() -> Path:
    """The checkout.

    Raises:
        FileNotFoundError: when the package was installed from a wheel, where there is nothing to author.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "pyproject.toml").exists():
        raise FileNotFoundError(f"{folder} is no checkout of the course; clone the repository to author notebooks")
    return folder


def expected_notebooks(kinds: tuple[str, ...] = KINDS) -> list[Path]:
    """Each ready lesson's notebooks, relative to the root; exercises and solutions where the lesson has exercises."""
    return [
        Path(kind, f"{lesson.stem}.ipynb")
        for lesson in catalogue.lessons()
        if lesson.ready
        for kind in kinds
        if kind == LESSONS or catalogue.exercises(lesson.slug)
    ]
