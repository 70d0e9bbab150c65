"""What a committed notebook must hold to. Each check takes a notebook and returns its findings, one line each."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import optcourse
from optcourse import catalogue
from optcourse.authoring import course, execution, stripping
from optcourse.authoring.coursemap import colab_link
from optcourse.grading import checks as grading_checks

Findings = list[str]
COLAB_TAG = "colab"
LARGEST_NOTEBOOK = 1_000_000
LARGEST_FIGURE = 100_000
SHORTEST_ALT = 20
SECTIONS = (
    "Question",
    "Predict",
    "The idea",
    "From scratch",
    "Against torch",
    "The experiment",
    "Explore",
    "Claims",
    "When to use what",
    "Exercises",
    "References",
)
SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}

# Folders of one person's machine. `/content` is where Colab works, so that a path there is a machine's as well.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])(/(?:root|work|tmp|content|var/folders|opt)/[\w.]|/(?:home|Users)/\w)|[A-Z]:\\+Users\\|site-packages",
)
OBJECT_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
INTERNET = re.compile(r"(?:https?|ftp)://(?!www\.w3\.org/)[^\s\"'<>)]+")
IMAGE_FROM_AFAR = re.compile(r"!\[[^\]]*\]\(\s*https?://|<(?:img|script|link|iframe|video)\b[^>]*https?://", re.I)
INSTALL = re.compile(r"^\s*[!%].*\b(?:pip|conda|wget|curl|apt(?:-get)?)\b", re.M)
NBVAL_OPTION = re.compile(r"#\s*(?:NBVAL_|PYTEST_VALIDATE)\w+|\bnbval-[a-z-]+|\braises-exception\b")


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _texts(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, str]]:
    """Every text that a code cell left in its outputs, pictures aside, with its cell."""
    for cell in _code(notebook):
        for output in cell.outputs:
            texts = [output.get("text", ""), *output.get("traceback", [])]
            texts += [value for mime, value in output.get("data", {}).items() if not mime.startswith("image/")]
            for text in texts:
                yield cell, text if isinstance(text, str) else str(text)


def format_findings(notebook: NotebookNode) -> Findings:
    """Two cells with one id, or not a valid notebook."""
    ids = [cell.get("id") for cell in notebook.cells]
    if twice := sorted({str(id) for id in ids if ids.count(id) > 1}):
        return [f"cell id {id} stands twice" for id in twice]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {str(error).splitlines()[0]}"]
    return []


def output_findings(notebook: NotebookNode) -> Findings:
    """Outputs missing, cleared, stale, out of order, changed by hand, with errors, or on stderr."""
    code = _code(notebook)
    findings = []
    counts = [cell.execution_count for cell in code]
    if None in counts:
        findings.append(f"{counts.count(None)} of {len(code)} code cells were not executed or were cleared")
    elif counts != list(range(1, len(code) + 1)):
        findings.append(f"executed out of order: {counts}")
    stored, now = notebook.metadata.get("optcourse", {}), execution.seal(notebook)
    if stored.get("sources") != now["sources"]:
        findings.append("stale: the code changed since the outputs were stored")
    elif stored.get("outputs") != now["outputs"]:
        findings.append("the outputs are not those that the execution stored")
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                findings.append(f"cell {cell.id} ends in {output.ename}: {output.evalue}")
            elif output.get("name") == "stderr":
                findings.append(f"cell {cell.id} writes to stderr: {output.text.strip()[:80]!r}")
    return findings and [*findings, "mend with: python -m optcourse.authoring execute FILE"]


def size_findings(notebook: NotebookNode) -> Findings:
    """A file above 1 MB, or a figure above 100 kB."""
    findings = []
    if (size := len(nbformat.writes(notebook).encode())) > LARGEST_NOTEBOOK:
        findings.append(f"{size / 1e6:.2f} MB; at most {LARGEST_NOTEBOOK / 1e6:.0f} MB")
    for cell in _code(notebook):
        for output in cell.outputs:
            for mime, value in output.get("data", {}).items():
                size = (
                    len(base64.b64decode(value))
                    if mime in {"image/png", "image/jpeg", "image/gif"}
                    else len(str(value))
                )
                if mime.startswith("image/") and size > LARGEST_FIGURE:
                    findings.append(f"cell {cell.id}: figure of {size // 1000} kB; at most {LARGEST_FIGURE // 1000} kB")
    return findings


def machine_findings(notebook: NotebookNode) -> Findings:
    """A path of one machine in a source or an output, or an object's address in an output."""
    found = [(cell, cell.source, MACHINE_PATH, "machine path") for cell in notebook.cells]
    found += [(cell, text, MACHINE_PATH, "machine path") for cell, text in _texts(notebook)]
    found += [(cell, text, OBJECT_ADDRESS, "object address") for cell, text in _texts(notebook)]
    return [f"cell {cell.id}: {what} {match[0]!r}" for cell, text, rule, what in found if (match := rule.search(text))]


def internet_findings(notebook: NotebookNode) -> Findings:
    """An address that a cell or output loads, or an install, outside the marked Colab cell; links in text may stay."""
    findings = []
    for cell in notebook.cells:
        if COLAB_TAG in _tags(cell):
            continue
        rules = [INTERNET, INSTALL] if cell.cell_type == "code" else [IMAGE_FROM_AFAR]
        findings += [
            f"cell {cell.id}: goes to the internet: {match[0].strip()!r}"
            for r in rules
            for match in r.finditer(cell.source)
        ]
    for cell, text in _texts(notebook):
        findings += [f"cell {cell.id}: an output holds {match[0]!r}" for match in INTERNET.finditer(text)]
    return findings


def picture_findings(notebook: NotebookNode) -> Findings:
    """A picture without a text that says what it shows."""
    findings = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            alt = str(data.get("text/plain", "")).strip().strip("'\"")
            if any(mime.startswith("image/") for mime in data) and (len(alt) < SHORTEST_ALT or alt.startswith("<")):
                findings.append(f"cell {cell.id}: picture with the alt text {alt!r}; say what it shows")
        if cell.cell_type == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            findings.append(f"cell {cell.id}: picture in the text without alt text")
    return findings


def _marks_pair(line: str) -> bool:
    return not re.search("[⟨⟩]", re.sub("⟨[^⟨⟩]*⟩", "", line))


def comparison_findings(notebook: NotebookNode) -> Findings:
    """What would make nbval overlook a changed output (its options, marks ⟨ ⟩ that do not pair) or see one that is not.

    A closing semicolon hides a value in Jupyter and not under nbval, which keeps no history.
    """
    findings = [
        f"cell {cell.id}: {match[0]!r} exempts it from comparison"
        for cell in _code(notebook)
        for text in [cell.source, *_tags(cell)]
        if (match := NBVAL_OPTION.search(text))
    ]
    findings += [
        f"cell {cell.id}: ends in a semicolon; assign the value instead"
        for cell in _code(notebook)
        if cell.source.rstrip().endswith(";")
    ]
    return findings + [
        f"cell {cell.id}: marks that do not pair: {line.strip()[:80]!r}"
        for cell, text in _texts(notebook)
        for line in text.splitlines()
        if not _marks_pair(line)
    ]


def version_findings(notebook: NotebookNode) -> Findings:
    """Made with another version of the package, or a `begin(...)` that names another version or lesson."""
    stored = notebook.metadata.get("optcourse", {})
    findings = []
    if stored.get("version") != optcourse.__version__:
        findings.append(f"made with version {stored.get('version')}, the package is {optcourse.__version__}")
    begun = [match[1] for cell in _code(notebook) for match in re.finditer(r"\bbegin\(([^)]*)\)", cell.source)]
    if len(begun) != 1:
        return [*findings, f"calls begin(lesson, version) {len(begun)} times; the first cell after Colab's does, once"]
    wanted = rf'^"(?:\d\d )?{stored.get("lesson")}", *(?:version=)?"{re.escape(optcourse.__version__)}"'
    if not re.match(wanted, begun[0]):
        lesson = stored.get("lesson")
        findings.append(f"begin({begun[0]}) is not of lesson {lesson} and version {optcourse.__version__}")
    return findings


def skeleton_findings(notebook: NotebookNode) -> Findings:
    """A lesson whose sections are not the course's, in order; a heading may say more, as `Predict before you run`."""
    headings = [
        match[1].strip()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for match in re.finditer(r"^## +(.*)$", cell.source, re.M)
    ]
    known = [section for heading in headings for section in SECTIONS if re.match(rf"{section}\b", heading)]
    missing = [section for section in SECTIONS if section not in known]
    findings = [f"no section {section!r}" for section in missing]
    if not missing and known != list(SECTIONS):
        findings.append(f"sections out of order: {known}")
    return findings


def slide_findings(notebook: NotebookNode) -> Findings:
    """A lesson without a talk, or with a slide type that no tool knows."""
    types = [(cell, cell.metadata.get("slideshow", {}).get("slide_type")) for cell in notebook.cells]
    findings = [f"cell {cell.id}: slide type {type!r}" for cell, type in types if type and type not in SLIDE_TYPES]
    if sum(type == "slide" for _, type in types) < 2:
        findings.append("no talk in it: mark cells with slide metadata")
    return findings


def colab_findings(notebook: NotebookNode, path: Path) -> Findings:
    """No link that opens this very file in Colab; or a first cell that is not Colab's or could change what is there."""
    findings = []
    links = [link for cell in notebook.cells for link in re.findall(r"https://colab[^\s)\"]+\.ipynb", cell.source)]
    link = colab_link(path.parent.name, path.stem)
    if set(links) != {link}:
        findings.append(f"opens {sorted(set(links)) or 'nothing'} in Colab; must be {link}")
    code = _code(notebook)
    if not code or COLAB_TAG not in _tags(code[0]):
        findings.append(f"the first code cell is not tagged {COLAB_TAG!r}")
    elif re.search(r"--upgrade|--force|\s-U\b|\b(?:torch|numpy|ipywidgets)\s*[=<>~]", code[0].source):
        findings.append("the Colab cell could change an installed torch, numpy or ipywidgets")
    return findings


def graded_ids(notebook: NotebookNode) -> list[str]:
    """The exercise ids that a notebook's cells pass to `check`."""
    return [id for cell in _code(notebook) for id in re.findall(r"\bcheck\(\s*[\"']([\w.]+)[\"']", cell.source)]


def exercise_findings(notebook: NotebookNode) -> Findings:
    """Exercises not those of the catalogue in its order, or without the cell that nbgrader would grade."""
    lesson = notebook.metadata.get("optcourse", {}).get("lesson", "")
    expected = [exercise.id for exercise in catalogue.exercises(lesson)]
    findings = [] if graded_ids(notebook) == expected else [f"checks {graded_ids(notebook)}; the catalogue: {expected}"]
    grading = [cell.metadata["nbgrader"] for cell in _code(notebook) if "nbgrader" in cell.metadata]
    answers = {data.get("grade_id") for data in grading if data.get("solution")}
    missing = [id for id in expected if id.replace(".", "_") not in answers]
    return findings + [f"{id}: no answer cell with nbgrader's grade_id {id.replace('.', '_')!r}" for id in missing]


def stripping_findings(student: NotebookNode, solution: NotebookNode) -> Findings:
    """The student's notebook is not the stripped solution, or holds lines that only the solution should."""

    def content(notebook: NotebookNode) -> list[tuple]:
        return [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]

    findings = []
    expected, present = content(stripping.strip(solution)), content(student)
    if expected != present:
        differing = next((b or a for a, b in zip(expected, present, strict=False) if a != b), ("(number of cells)",))
        findings.append(f"is not the stripped solution, first at cell {differing[0]}; run: authoring strip")
    secret = stripping.solution_lines(solution)
    held = [line.strip() for cell in student.cells for line in cell.source.splitlines()]
    held += [line.strip() for _, text in _texts(student) for line in text.splitlines()]
    return findings + [f"gives the solution away: {line!r}" for line in sorted(secret.intersection(held))]


EVERY_NOTEBOOK: tuple[Callable[[NotebookNode], Findings], ...] = (
    format_findings,
    output_findings,
    size_findings,
    machine_findings,
    internet_findings,
    picture_findings,
    comparison_findings,
    version_findings,
)


def notebook_findings(path: Path) -> Findings:
    """All findings for one file of the course; which checks apply follows from its folder."""
    notebook = execution.read(path)
    kind = path.resolve().parent.name
    findings = [finding for check in EVERY_NOTEBOOK for finding in check(notebook)]
    if kind == course.LESSONS:
        findings += skeleton_findings(notebook) + slide_findings(notebook)
    if kind != course.SOLUTIONS:
        findings += colab_findings(notebook, path.resolve())
    if kind != course.LESSONS:
        findings += exercise_findings(notebook)
    if kind == course.EXERCISES:
        findings += stripping_findings(
            notebook, execution.read(path.resolve().parent.parent / course.SOLUTIONS / path.name)
        )
    return findings


def course_findings(root: Path) -> Findings:
    """What the catalogue asks for and the checkout lacks, and notebooks that the catalogue does not know."""
    expected = set(course.expected_notebooks())
    findings = [
        f"{path.as_posix()}: missing, the catalogue says its lesson is ready"
        for path in sorted(expected)
        if not (root / path).exists()
    ]
    for kind in course.KINDS:
        found = {path.relative_to(root) for path in (root / kind).glob("*.ipynb")}
        findings += [f"{path.as_posix()}: not in the catalogue" for path in sorted(found - expected)]
    for lesson in catalogue.lessons():
        if lesson.ready:
            findings += _part_findings(root, lesson.slug)
    return findings


def _part_findings(root: Path, slug: str) -> Findings:
    """What a ready lesson lacks besides its notebooks."""
    parts = {f"optcourse/{slug}": "what is taught", f"optcourse/experiments/{slug}": "what the lesson measures"}
    parts |= {f"tests/{slug}": "the tests of what is taught"}
    exercises = catalogue.exercises(slug)
    if exercises:
        parts |= {f"optcourse/grading/checks/{slug}": "the checks of the exercises"}
        parts |= {f"tests/grading/wrong_answers/{slug}": "answers to try the checks on"}
    findings = [
        f"{part}: missing, {what}"
        for part, what in parts.items()
        if not ((root / part).is_dir() or (root / f"{part}.py").exists())
    ]
    known = {check.exercise for check in grading_checks.of_lesson(slug)}
    findings += [
        f"{exercise.id}: in the catalogue, without a check" for exercise in exercises if exercise.id not in known
    ]
    return findings + [
        f"{id}: has a check, is not in the catalogue" for id in sorted(known - {e.id for e in exercises})
    ]
