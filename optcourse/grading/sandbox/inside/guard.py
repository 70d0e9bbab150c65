"""What an exercise forbids, taken away from a process before an answer runs in it.

Names are dotted: a module ("torch.optim", with all below it) or a function ("torch._fused_adam_").  An import fails,
what is already imported raises when it is used, and the files are hidden where a mount can hide them.  A determined
reader of torch's machine code is not stopped; who can do that can write an optimizer.
"""

import functools
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any, NoReturn


class ForbiddenError(ImportError):
    """An answer used what its exercise forbids."""


def within(name: str, parents: Sequence[str]) -> bool:
    """Whether a dotted name is one of these or below one of them."""
    return name in parents or name.startswith(_prefixes(tuple(parents)))


@functools.cache
def _prefixes(parents: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{parent}." for parent in parents)


def forbid(names: Sequence[str], permitted: Sequence[str]) -> None:
    """Take these names away, all but the permitted ones; for the rest of the process's life.

    Example of names and permitted: ["torch.optim"], ["torch.optim.Optimizer"].
    """
    sys.meta_path.insert(0, _Finder(names, permitted))
    kept = [value for value in map(_resolved, permitted) if value is not None]
    homes = {getattr(value, "__module__", None) for value in kept}
    for name in names:
        module = sys.modules.get(name)
        if module is None:
            parent, _, last = name.rpartition(".")
            holder = _resolved(parent) if parent in sys.modules else None
            if last in getattr(holder, "__dict__", {}):
                setattr(holder, last, _refusing(name))
    for name in loaded(tuple(names)):
        if name not in homes:
            _spoil(sys.modules[name], names, homes)


@functools.cache
def loaded(names: tuple[str, ...]) -> list[str]:
    """Those of all modules loaded so far that are to be taken away.

    Asked before a fork, it costs the child nothing; there it would touch, and so copy, a page for every module.
    """
    return [name for name in sys.modules if within(name, names)]


def places(names: Sequence[str]) -> list[Path]:
    """Files and folders of the forbidden modules, to be hidden."""
    found = []
    for name in names:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None and spec.submodule_search_locations:
            found += [Path(place) for place in spec.submodule_search_locations]
        elif spec is not None and spec.origin and Path(spec.origin).is_file():
            found.append(Path(spec.origin))
    return found


class _Finder:
    def __init__(self, names: Sequence[str], permitted: Sequence[str]) -> None:
        self.names, self.permitted = names, permitted

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if within(name, self.names) and not within(name, self.permitted):
            raise ForbiddenError(f"this exercise is to be solved without {name}")


def _resolved(name: str) -> Any:
    first, *rest = name.split(".")
    value = sys.modules.get(first)
    for part in rest:
        value = getattr(value, part, None)
    return value


def _refuse(name: str, *args: Any, **options: Any) -> NoReturn:
    raise ForbiddenError(f"this exercise is to be solved without {name}")


def _refusing(name: str) -> Any:
    return functools.partial(_refuse, name)


def _spoil(module: types.ModuleType, names: Sequence[str], homes: Set[str | None]) -> None:
    """Let everything that the module itself defines raise; what the permitted names are made of (`homes`) stays."""
    for attribute, value in list(vars(module).items()):
        if isinstance(value, types.ModuleType):
            continue  # it has a turn of its own; to ask one for what it lacks may call its hollowed `__getattr__`
        home = getattr(value, "__module__", None) or ""
        if home in homes or not within(home, names):
            continue
        called = f"{module.__name__}.{attribute}"
        if isinstance(value, type):
            for member in [key for key, item in vars(value).items() if isinstance(item, types.FunctionType)]:
                setattr(value, member, _method(called))
        elif callable(value):
            hollowed = list(_below(value))
            for function in hollowed:
                _hollow(function, called)
            if not hollowed or hollowed[0].__code__.co_freevars:
                setattr(module, attribute, _refusing(called))


def _method(called: str) -> Any:
    def refused(*args: Any, **options: Any) -> NoReturn:
        _refuse(called)

    return refused


def _below(function: Any) -> Iterator[types.FunctionType]:
    """A function and those it wraps."""
    while isinstance(function, types.FunctionType):
        yield function
        function = getattr(function, "__wrapped__", None)


_originals: dict[str, types.FunctionType] = {}
_NAME = "the name of what is called"
# For any function's code: it has the globals of that one.
_REFUSED = compile(
    f"lambda *args, **options: __import__({__name__!r}, fromlist=['_']).pass_on({_NAME!r}, args, options)",
    "<refused>",
    "eval",
).co_consts[0]


def _hollow(function: types.FunctionType, called: str) -> None:
    """Let a function refuse wherever it is still referred to, but go on when torch itself calls it."""
    if function.__code__.co_freevars or called in _originals:
        return
    original = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    original.__kwdefaults__ = function.__kwdefaults__
    _originals[called] = original
    function.__defaults__ = function.__kwdefaults__ = None
    constants = tuple(called if value == _NAME else value for value in _REFUSED.co_consts)
    function.__code__ = _REFUSED.replace(co_consts=constants)


def pass_on(called: str, args: tuple, options: dict[str, Any]) -> Any:
    """Call a forbidden function if a module of torch asks for it, as a layer does for its first weights.

    Raises:
        ForbiddenError: if anybody else does.
    """
    asking = sys._getframe(2).f_globals.get("__name__", "")
    if asking.startswith("torch."):
        return _originals[called](*args, **options)
    return _refuse(called)
