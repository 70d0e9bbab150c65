"""Results for programs: one JSON line a row, and what Gradescope reads from an autograder."""

import json
from typing import Any

from optcourse.grading.classrun.rows import Row
from optcourse.grading.exports.files import MARK
from optcourse.grading.exports.tables import status_text
from optcourse.grading.submission import ExerciseResult


def json_line(row: Row) -> str:
    """The whole result on one line, with the learner's name and what the class run adds."""
    more = {"name": row.learner.name, "email": row.learner.email, "expected": row.expected, "notes": row.notes}
    return json.dumps({**row.result.to_json(), **more}, separators=(",", ":"), allow_nan=False) + "\n"


def gradescope_record(row: Row) -> str:
    """Gradescope's results.json: the score, and one test an exercise."""
    result = row.result
    record: dict[str, Any] = {
        "score": result.points,
        "execution_time": round(result.seconds),
        "visibility": "visible",
        "output": f"Status: {status_text(row)}. {row.message}".strip(),
        "output_format": "text",
        "tests": [_test(one) for one in result.exercises],
        "extra_data": {
            "generator": MARK,
            "learner": result.learner,
            "lesson": result.lesson,
            "status": str(result.status),
            "isolated": result.isolated,
            "digest": result.digest,
        },
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _test(one: ExerciseResult) -> dict[str, Any]:
    return {
        "number": one.exercise,
        "name": str(one.card.get("title") or one.exercise),
        "score": one.points,
        "max_score": one.max_points,
        "status": "passed" if one.status == "passed" else "failed",
        "output": plain_card(one),
        "output_format": "text",
        "tags": [one.misconception] if one.misconception else [],
        "visibility": "visible",
    }


def plain_card(one: ExerciseResult) -> str:
    """What a card says, as text."""
    card = one.card
    lines = [f"{one.status}: {card.get('message') or ''}".rstrip(": ")]
    if number := card.get("number"):
        lines.append(f"First number that differs: {card.get('case', '')}, {number['place']}")
        lines += [f"  yours    {number['yours']}", f"  expected {number['expected']}"]
    lines += [f"- {fact}" for fact in card.get("facts") or ()]
    if one.misconception:
        lines.append(f"Mistake: {one.misconception}")
    if card.get("look_next"):
        lines.append(f"Look next: {card['look_next']}")
    lines.append(tally(one))
    return "\n".join(filter(None, lines))


def tally(one: ExerciseResult) -> str:
    """How many cases passed, as in "3 of 3 public cases, 5 of 6 hidden cases passed"."""
    parts = [
        f"{passed} of {total} {kind} case{'s' if total != 1 else ''}"
        for kind, passed, total in (
            ("public", one.public_passed, one.public_total),
            ("hidden", one.hidden_passed, one.hidden_total),
        )
        if total
    ]
    return f"{', '.join(parts)} passed" if parts else ""
