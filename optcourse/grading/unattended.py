"""While an answer runs, nobody is there to type, and the program that runs it must not end with it."""

import builtins
import contextlib
import getpass
import io
import sys
from collections.abc import Iterator
from typing import Any, NoReturn


class InputError(RuntimeError):
    """Raised where a learner's code asks for input; not an EOFError, which debuggers and loops over input swallow."""


class NobodyTypes(io.TextIOBase):
    """Standard input of code that runs unattended: to read from it raises `InputError`."""

    encoding = "utf-8"

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> NoReturn:
        _refuse()

    def readline(self, size: int | None = -1) -> NoReturn:
        _refuse()

    def close(self) -> None:
        """Stays open: `exit()` closes sys.stdin before it raises SystemExit."""


def _refuse(*_args: Any, **_options: Any) -> NoReturn:
    raise InputError("nobody is there to type")


def _end(*_args: Any, **_options: Any) -> NoReturn:
    raise SystemExit


@contextlib.contextmanager
def unattended() -> Iterator[None]:
    """Let input raise `InputError`, and IPython's `exit` and `quit` SystemExit, as they do outside of a notebook.

    Without it a kernel waits for somebody who sees no prompt, or ends after the cell, with everything in it.
    """
    input_before, stdin_before, getpass_before = builtins.input, sys.stdin, getpass.getpass
    builtins.input = getpass.getpass = _refuse
    sys.stdin = NobodyTypes()
    shell = _shell()
    own = {} if shell is None else vars(shell)
    asks_exit = own.get("ask_exit")
    if shell is not None:
        shell.ask_exit = _end
    try:
        yield
    finally:
        builtins.input, sys.stdin, getpass.getpass = input_before, stdin_before, getpass_before
        if asks_exit is not None:
            own["ask_exit"] = asks_exit
        else:
            own.pop("ask_exit", None)


def _shell() -> Any:
    """IPython's shell, where there is one; never loads IPython."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
