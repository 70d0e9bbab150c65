"""The page a learner gets: what each answer came to, and which mistake was made where."""

from optcourse import catalogue
from optcourse.grading.classrun.rows import Row
from optcourse.grading.exports.pages import bar, page, rich, text
from optcourse.grading.exports.records import tally
from optcourse.grading.exports.tables import points_text, score_text
from optcourse.grading.submission import ExerciseResult, ExerciseStatus, Status

# status -> sign, words, color
_LOOKS = {
    ExerciseStatus.PASSED: ("✓", "Passed", "good"),
    ExerciseStatus.FAILED: ("✗", "Not yet", "bad"),
    ExerciseStatus.NOT_ATTEMPTED: ("○", "Not attempted", "none"),
    ExerciseStatus.ERROR: ("!", "Stopped by an error", "bad"),
    ExerciseStatus.TIMED_OUT: ("◷", "Out of time", "warn"),
    ExerciseStatus.CONVENTION: ("≈", "Right in another convention", "info"),
    ExerciseStatus.CRASHED: ("!", "Ended the program", "bad"),
    ExerciseStatus.OUT_OF_MEMORY: ("!", "Out of memory", "warn"),
    ExerciseStatus.FORBIDDEN: ("⊘", "Uses what the exercise forbids", "warn"),
    ExerciseStatus.MISSING: ("○", "Answer cell missing", "none"),
    ExerciseStatus.DUPLICATE: ("!", "Several answer cells", "warn"),
}

_ADVICE = {
    Status.MISSING: "Hand in the notebook itself, the file that ends in .ipynb.",
    Status.CORRUPT: "Your file could not be read as a notebook. Open it in JupyterLab, save it, and hand it in again.",
    Status.OTHER_KERNEL: "Your notebook is one of another language; these exercises are in Python.",
    Status.OTHER_LESSON: "No exercise of this course was found in your notebook; perhaps it was the wrong file.",
    Status.DUPLICATE: "Several different notebooks of yours were found; this page is about the best one.",
}


def feedback_page(row: Row) -> str:
    """One page, complete in itself."""
    result = row.result
    lesson = catalogue.lesson(result.lesson) if result.lesson else None
    title = f"{lesson.number:02d} {lesson.title}" if lesson else "Your submission"
    score = score_text(row)
    share = result.points / result.max_points if result.max_points else 0.0
    said = [row.message, _ADVICE.get(result.status, "") if result.source else ""]
    body = [
        f'<p class="soft">{text(row.learner.label)}</p><h1>{text(title)}</h1>',
        f'<div class="head"><strong>{score}</strong><span class="soft">{text(result.status)}</span></div>',
        *([bar(share, score)] if result.exercises else []),
        *(f"<p>{rich(line)}</p>" for line in said if line),
        *(exercise_card(one) for one in result.exercises),
    ]
    if result.source:
        digest = f", SHA-256 <code>{text(result.digest[:16])}…</code>" if result.digest else ""
        body.append(f'<p class="soft small">File: <code>{text(result.source)}</code>{digest}</p>')
    return page(f"{title}: {row.learner.label}", "\n".join(body))


def exercise_card(one: ExerciseResult) -> str:
    """One exercise as a card of the page."""
    card = one.card
    sign, words, color = _LOOKS.get(ExerciseStatus(one.status), ("!", one.status, "bad"))
    title = card.get("title") or _title(one.exercise)
    parts = [
        f'<div class="head"><span class="badge"><span aria-hidden="true">{sign}</span> {text(words)}</span>'
        f'<h3>{rich(title)}</h3><span class="soft small">{text(one.exercise)}</span>'
        f'<span class="end">{points_text(one.points)}/{points_text(one.max_points)}</span></div>'
    ]
    parts += [f"<p>{rich(card['message'])}</p>"] if card.get("message") else []
    parts += [_number(card)] if card.get("number") else []
    if card.get("facts"):
        parts.append(f"<ul>{''.join(f'<li>{rich(fact)}</li>' for fact in card['facts'])}</ul>")
    if one.misconception:
        kind = "Convention" if one.status == ExerciseStatus.CONVENTION else "Mistake"
        parts.append(f"<p>{kind}: <code>{text(one.misconception)}</code></p>")
    parts += [f"<p><strong>Look next:</strong> {rich(card['look_next'])}</p>"] if card.get("look_next") else []
    if card.get("printed"):
        dropped = f" ({card['dropped']:,} more characters dropped)" if card.get("dropped") else ""
        parts.append(
            f"<details><summary>Your code printed{dropped}</summary><pre>{text(card['printed'])}</pre></details>"
        )
    small = [tally(one), *(card.get("notes") or ())]
    parts += [f'<p class="soft small">{rich(line)}</p>' for line in small if line]
    return f'<section class="card {color}">{"".join(parts)}</section>'


def _title(exercise: str) -> str:
    try:
        return catalogue.exercise(exercise).title
    except KeyError:
        return exercise


def _number(card: dict) -> str:
    number = card["number"]
    rows = "".join(
        f'<tr><th scope="row" class="soft">{name}</th><td class="number">{text(number[name])}</td></tr>'
        for name in ("yours", "expected")
    )
    where = f"First number that differs: {card.get('case', '')}, {number['place']}"
    return f'<p>{rich(where)}</p><table class="pair">{rows}</table>'
