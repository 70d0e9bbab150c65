"""Mistakes that raise: told by what torch says, since an exception's type alone could come from anything."""

from collections.abc import Callable, Sequence

from optcourse.grading.definitions import Behaviour, Result


def raises(id: str, phrases: Sequence[str], message: str, look_next: str) -> Behaviour:
    """A behavior seen where an answer stops with an exception whose text holds one of these phrases."""
    return Behaviour(id, _stopped(phrases), message, look_next)


def _stopped(phrases: Sequence[str]) -> Callable[[Sequence[Result]], str | None]:
    def found(results: Sequence[Result]) -> str | None:
        for result in results:
            if result.fault is not None and any(phrase in result.fault.message for phrase in phrases):
                return f'It stops in the case "{result.case.name}".'
        return None

    return found


BROADCASTING = ("must match the size of tensor", "could not be broadcast")  # torch's words and numpy's
