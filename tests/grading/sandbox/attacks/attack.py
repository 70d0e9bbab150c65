"""What an attack is: a hostile or broken submission with the mark and the status that it must get.

Every sample bounds itself, so that a sandbox that fails harms nobody: a fork bomb tries at most 200 times and its
processes end after a second, a disk filler stops at 1 GB, a loop ends after 60 s, network goes to loopback only.
"""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from tests.grading.sandbox.submissions import source_of, with_answers

TARGET = "optimizers.momentum"
MEMORY, DIAGNOSIS = "optimizers.memory", "optimizers.diagnosis"
RIGHT = source_of(TARGET)


@dataclass(frozen=True)
class Attack:
    """One submission.

    Attributes:
        content: bytes of the file.
        status: what the attacked exercise must get; "" where the file as a whole is refused.
        exercise: the attacked one; the other two of `TARGET`, `MEMORY` and `DIAGNOSIS` must pass.
        submission: status of the whole.
        printed: what the answer must have printed, if it says what it found.
        message: a part of what the learner is told.
        hidden: whether hidden cases are graded too.
    """

    name: str
    content: Callable[[], bytes]
    status: str = ""
    exercise: str = TARGET
    submission: str = "partly"
    printed: str | None = None
    message: str = ""
    hidden: bool = False


def answer(name: str, source: str, status: str, **further) -> Attack:
    """The attacked exercise answered with `source`, the others as in the solution."""
    exercise = further.get("exercise", TARGET)
    whole = "graded" if status == "passed" else "partly"
    return Attack(name, lambda: with_answers({exercise: source}), status, **{"submission": whole, **further})


def right_and(name: str, nasty: str, status: str = "passed", **further) -> Attack:
    """The right answer, after something nasty."""
    return answer(name, f"{nasty}\n{RIGHT}", status, **further)


def in_step(nasty: str) -> str:
    """A class whose step does something nasty and then the right thing."""
    lines = "\n".join(f"        {line}" for line in nasty.strip().splitlines())
    return RIGHT.replace("    def step(self):\n", f"    def step(self):\n{lines}\n")


SECRET = "a seed that nobody knows"
UNTIL = "import time\nEND = time.monotonic() + 60\n"


def code(text: str) -> str:
    """A text without the indent that it has here, nor the line end after the quotes."""
    return textwrap.dedent(text[1:])
