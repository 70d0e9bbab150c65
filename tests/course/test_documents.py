"""README, CONTRIBUTING and benchmarks/README.md say what is so: files and commands exist, the map is in step."""

import ast
import re

import pytest

from optcourse import catalogue, optimizers
from optcourse.authoring import __main__ as authoring
from optcourse.authoring import checks, course, coursemap
from optcourse.cli import parser
from tests.__main__ import SUITES

ROOT = course.root()
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
CODE = ("optcourse", "tests", "benchmarks", "tools")
# What the placeholders of the recipes stand for in an optimizer and a lesson that exist.
EXAMPLES = {"NAME": "adamw", "SLUG": "optimizers", "NN": "04"}


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def exists(path: str) -> bool:
    """A file, a folder, or a module whose ending the recipe leaves open."""
    return (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist(document):
    content = text(document)
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", content, re.M)) <= TARGETS
    assert set(re.findall(r"optcourse\.authoring ([a-z-]+)", content)) <= subcommands(authoring.parser())
    assert set(re.findall(r"(?<![./])\boptcourse (lab|doctor|report)\b", content)) <= subcommands(parser())
    for name in re.findall(r"tasks\.py (?:--venv \S+ )?([a-z-]+)", content):
        assert name in TARGETS


def test_files_and_functions_are_as_short_as_contributing_says():
    rule = re.search(r"A file stays below (\d+) lines, a function below (\d+)", text("CONTRIBUTING.md"))
    lines, body = map(int, rule.groups())
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") < lines, path
        for node in ast.walk(ast.parse(source)) if path.is_relative_to(ROOT / "optcourse") else ():
            if isinstance(node, ast.FunctionDef):
                documentation = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
                assert node.end_lineno - node.lineno - documentation < body, f"{path}: {node.name}"


def subcommands(command_line) -> set[str]:
    return {name for action in command_line._actions if isinstance(action.choices, dict) for name in action.choices}


def test_every_command_is_documented():
    documented = "".join(map(text, DOCUMENTS))
    undocumented = {target for target in TARGETS if f"make {target}" not in documented}
    assert undocumented <= {"clean", "help"}


def recipe(title: str) -> str:
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text("CONTRIBUTING.md"), re.M | re.S)[1]


def files_of(title: str) -> list[str]:
    """The first column of the recipe's table."""
    return re.findall(r"^\| `([^`]+)` \|", recipe(title), re.M)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_every_optimizer_follows_the_recipe(name):
    files = files_of("Add an optimizer")
    assert [path for path in files if not exists(path.replace("NAME", name))] == []
    for twin in (f"{name}_reference", f"{name}_"):
        assert twin in optimizers.__all__
    assert any(path.startswith("tests/") and name in text(path).lower() for path in files)


@pytest.mark.parametrize("lesson", [lesson for lesson in catalogue.lessons() if lesson.ready], ids=lambda row: row.slug)
def test_every_lesson_follows_the_recipe(lesson):
    files = [path.replace("NN_SLUG", lesson.stem).replace("SLUG", lesson.slug) for path in files_of("Add a lesson")]
    assert [path for path in files if not exists(path)] == []
    asked_for = {finding.partition(":")[0] for finding in checks._part_findings(ROOT / "docs", lesson.slug)}
    assert asked_for <= set(files), "verify asks for a file that the recipe does not name"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_the_text_names_exist(document):
    content = re.sub("|".join(EXAMPLES), lambda match: EXAMPLES[match[0]], text(document))
    named = set(
        re.findall(r"`((?:optcourse|tests|notebooks|exercises|solutions|benchmarks|tools|docs)/[\w./]*)`", content)
    )
    named |= {link for link in re.findall(r"\]\(([^)#]+)\)", content) if "://" not in link}
    python = set(re.findall(r"python ((?:benchmarks|tools)/\w+\.py)", content))
    base = (ROOT / document).parent.relative_to(ROOT)
    missing = {path for path in named if not (exists(path) or exists(f"{base}/{path}"))}
    assert missing | {path for path in python if not exists(path)} == set()


def test_stages_and_suites_that_the_text_names_exist():
    stages = " ".join(re.findall(r"--only ([a-z ]+)", "".join(map(text, DOCUMENTS)))).split()
    assert stages
    assert set(stages) <= {stage for suite in SUITES.values() for stage in suite}


def test_every_benchmark_is_listed_with_its_command():
    listed = set(re.findall(r"`python benchmarks/(\w+)\.py`", text("benchmarks/README.md")))
    assert listed == {path.stem for path in (ROOT / "benchmarks").glob("*.py")}


def test_the_map_in_the_readme_is_the_catalogues():
    readme = text("README.md")
    assert coursemap.with_map(readme) == readme, "run: python -m optcourse.authoring readme"


def test_the_map_names_every_lesson_and_opens_the_ready_ones():
    table = coursemap.course_map(badges=True)
    for lesson in catalogue.lessons():
        (row,) = [row for row in table.splitlines() if row.startswith(f"| {lesson.number:02d} |")]
        assert lesson.question in row
        assert (coursemap.colab_link("notebooks", lesson.stem) in row) == lesson.ready
        assert (f"exercises/{lesson.stem}.ipynb" in row) == (lesson.ready and bool(catalogue.exercises(lesson.slug)))


def test_a_readme_without_marks_is_refused():
    with pytest.raises(ValueError, match="no marks for the map"):
        coursemap.with_map("# optcourse")
