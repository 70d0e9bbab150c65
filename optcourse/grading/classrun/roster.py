"""Who is expected: a roster in the columns of Canvas, Moodle, nbgrader or a plain table, and whose a file is."""

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What a key says: the learner's own id, the number that an LMS writes into file names, or a name.
ID, CANVAS, PARTICIPANT, NAME = "id", "canvas id", "participant", "name"
Key = tuple[str, str]

_ID_COLUMNS = ("learner", "id number", "student id", "student_id", "username", "sis login id", "sis user id", "login")
_LAST = ("last name", "last_name", "surname", "lastname")
_FIRST = ("first name", "first_name", "firstname")
_NAME_COLUMNS = ("name", "full name", "student", "fullname")
_EMAIL_COLUMNS = ("email", "email address", "e-mail")
_NO_LEARNERS = ("points possible", "student, test", "test student")  # rows of Canvas's gradebook


@dataclass(frozen=True)
class Learner:
    """One expected learner.

    Attributes:
        id: unique in the class; names the learner in every output.
        keys: what a submission may name the learner by.
        record: the roster's own row, for outputs that hand it back to the LMS.
    """

    id: str
    name: str = ""
    email: str = ""
    keys: tuple[Key, ...] = ()
    record: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def label(self) -> str:
        """Name and id, or the id alone."""
        return f"{self.name} ({self.id})" if self.name and self.name != self.id else self.id


@dataclass(frozen=True)
class Roster:
    """All expected learners, in the order of the file.

    Attributes:
        columns: the file's header, () for a class that is known by its submissions alone.
    """

    learners: tuple[Learner, ...]
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        table: dict[Key, list[Learner]] = defaultdict(list)
        for learner in self.learners:
            for key in dict.fromkeys(_spelled(learner.keys)):
                table[key].append(learner)
        object.__setattr__(self, "_table", table)

    def owners(self, keys: Iterable[Key]) -> list[Learner]:
        """The learners that a submission with these keys may belong to: one is certain, none or several are not.

        Keys are tried in order; the first that anybody in the roster has decides.
        """
        table: dict[Key, list[Learner]] = self._table  # type: ignore[attr-defined]
        return next((table[key] for key in _spelled(keys) if key in table), [])


def read_roster(path: Path) -> Roster:
    """The learners of a CSV file (comma, semicolon or tab) with a header.

    Known are Canvas's gradebook, Moodle's participants and grading worksheet, nbgrader's students, and any table with
    a column `id`.

    Raises:
        ValueError: for a file that is not such a table, a row without id, or an id that occurs twice.
    """
    columns, rows = _read_table(path)
    roles = _roles(columns)
    if not roles["id"]:
        raise ValueError(
            f"a roster needs a column with the learners' ids; {path} has {', '.join(columns) or 'no columns'}. "
            "Name that column id"
        )
    learners = [_learner(row, roles, f"{path}, line {line}") for line, row in rows if not _is_filler(row, roles)]
    seen: dict[str, str] = {}
    for learner in learners:
        if (key := _plain(learner.id)) in seen:
            raise ValueError(
                f"an id may occur once in a roster; {path} has {learner.id!r} twice, for {seen[key]} first"
            )
        seen[key] = learner.label
    if not learners:
        raise ValueError(f"the roster {path} names no learner; it needs a line for each below the header")
    return Roster((*learners,), columns)


def _read_table(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    """Header, and the line number and cells of each row that holds anything."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"a roster is read as UTF-8, and {path} is not ({error.reason}); save it as UTF-8") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = tuple(cell.strip() for cell in next(reader, []))
        rows = [(reader.line_num, dict(zip(columns, map(clean, cells), strict=False))) for cells in reader]
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as a table: {error}; export it anew") from None
    return columns, [(line, row) for line, row in rows if any(row.values())]


def _roles(columns: Iterable[str]) -> dict[str, list[str]]:
    """Which columns hold ids (the learner's own first), numbers of the LMS, names and addresses."""
    lower = {column.casefold(): column for column in columns}

    def pick(names: Iterable[str]) -> list[str]:
        return [lower[name] for name in names if name in lower]

    roles = {
        "id": pick(_ID_COLUMNS),
        CANVAS: [],
        PARTICIPANT: pick(["identifier"]),
        NAME: pick(_NAME_COLUMNS),
        "first": pick(_FIRST),
        "last": pick(_LAST),
        "email": pick(_EMAIL_COLUMNS),
    }
    if "student" in lower and "id" in lower:
        roles[CANVAS] = [lower["id"]]
    elif "id" in lower:
        roles["id"].insert(0, lower["id"])
    if not roles["id"]:
        roles["id"] = [*roles[CANVAS], *roles["email"], *roles[PARTICIPANT]]
    return roles


def _is_filler(row: Mapping[str, str], roles: Mapping[str, list[str]]) -> bool:
    names = [row.get(column, "") for column in roles[NAME]]
    return any(name.strip().casefold() in _NO_LEARNERS for name in names)


def _learner(row: Mapping[str, str], roles: Mapping[str, list[str]], where: str) -> Learner:
    def cells(role: str) -> list[str]:
        return [row[column] for column in roles[role] if row.get(column)]

    ids = cells("id") or cells("email") or cells(CANVAS) or cells(PARTICIPANT)
    if not ids:
        raise ValueError(f"every learner needs an id; {where} has none in {', '.join(roles['id'])}")
    parted = " ".join([*cells("first"), *cells("last")])
    name = next(iter([*cells(NAME), *([parted] if parted else [])]), "")
    if "," in name:  # "Doe, Jane" of a gradebook
        last, _, first = name.partition(",")
        name = f"{first.strip()} {last.strip()}"
    email = next(iter(cells("email")), "")
    keys = [(ID, value) for value in [*ids, *cells("id"), *cells("email")]]
    keys += [(CANVAS, value) for value in cells(CANVAS)]
    keys += [(PARTICIPANT, value.rpartition(" ")[2]) for value in cells(PARTICIPANT)]
    keys += [(NAME, name)] if name else []
    return Learner(ids[0], name, email, tuple(dict.fromkeys(keys)), dict(row))


def clean(text: str) -> str:
    """One line of text: control characters and runs of blanks become one blank."""
    return " ".join("".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text).split())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _letters(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in decomposed if sign.isalnum())


def _spelled(keys: Iterable[Key]) -> Iterator[Key]:
    """Keys as they are compared: ids without case, names also without blanks and accents, last name first or last."""
    for kind, value in keys:
        if kind != NAME:
            yield kind, _plain(value)
            continue
        words = [letters for word in value.replace(",", " ").split() if (letters := _letters(word))]
        for order in (words, words[-1:] + words[:-1]):
            if order:
                yield kind, "".join(order)
