"""The committed notebooks, and the settings under which they are compared."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbval.plugin import get_sanitize_patterns

from optcourse.authoring import checks, course

ROOT = course.root()
PATHS = [path for path in course.expected_notebooks() if (ROOT / path).exists()]
PATTERNS = dict(get_sanitize_patterns((ROOT / "tests" / "sanitize.cfg").read_text(encoding="ascii")))

# In pieces, since this file is looked at, too.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "deb.deb" + "ian.org", "download.py" + "torch.org"]
PATHS_OF_A_MACHINE = ["/wo" + "rk/", "/ro" + "ot/", "/opt/" + "pypi", "/opt/" + "wheels"]
PERSONS_HOME = re.compile(r"(?<![\w.])" + "/(?:ho" + "me|Us" + r"ers)/\w+")


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_notebook(path):
    assert checks.notebook_findings(ROOT / path) == []


def test_notebooks_library_and_checks_are_in_step_with_the_catalogue():
    assert checks.course_findings(ROOT) == []


def sanitized(text: str) -> str:
    for pattern, replacement in PATTERNS.items():
        text = re.sub(pattern, replacement, text)
    return text


text = st.text(alphabet="ab01.% \n", max_size=20)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(text, text.map(lambda t: t.replace("\n", ""))), max_size=3), text)
def test_what_is_not_compared_stands_between_marks(parts, rest):
    """Of "a ⟨1⟩ b" every digit but those between the marks is compared, whatever the patterns are."""
    marked = "".join(f"{outside}⟨{inside}⟩" for outside, inside in parts) + rest
    assert sanitized(marked) == "".join(f"{outside}MEASURED" for outside, _ in parts) + rest


@pytest.mark.parametrize("text", ["1.5", "⟨1.5", "1.5⟩", "⟩1.5⟨", "⟨1\n2⟩", "0x7f00 12:34 /tmp 3 s 4 ms 100%"])
def test_without_a_pair_of_marks_on_one_line_everything_is_compared(text):
    assert sanitized(text) == text


def tracked_texts() -> list[tuple[str, str]]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    contents = {
        name.decode(): (ROOT / name.decode()).read_bytes() for name in names if (ROOT / name.decode()).is_file()
    }
    return [(name, content.decode("utf-8")) for name, content in contents.items() if b"\0" not in content[:8000]]


def test_no_file_speaks_of_a_machine_or_a_package_host():
    found = []
    for name, content in tracked_texts():
        found += [f"{name}: {word}" for word in HOSTS + PATHS_OF_A_MACHINE if word in content]
        found += [f"{name}: {match[0]}" for match in PERSONS_HOME.finditer(content)]
    assert found == []
