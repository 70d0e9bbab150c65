"""What an exercise forbids, looked for in the text of an answer; a process of the sandbox enforces the rest."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_IMPORTERS = {"__import__", "import_module", "find_spec", "getattr", "eval", "exec"}


@dataclass(frozen=True)
class Violation:
    """One use of what is forbidden."""

    name: str
    line: int


@dataclass(frozen=True)
class Use:
    """One name that an answer uses; `imports` says whether it is an import that does."""

    line: int
    name: str
    imports: bool


def violations(
    tree: ast.AST, forbidden: Sequence[str], permitted: Sequence[str] = (), around: Mapping[str, str] | None = None
) -> list[Violation]:
    """Uses of forbidden modules and functions, in the order of their lines.

    Args:
        forbidden, permitted: dotted names; each stands for all below it.
        around: what other cells import, as from `imported`.

    Example:
        >>> tree = ast.parse("import torch.optim as o\\nclass A(o.Optimizer): pass\\nb = o.SGD")
        >>> violations(tree, ["torch.optim"], ["torch.optim.Optimizer"])
        [Violation(name='torch.optim.SGD', line=3)]
    """
    return violations_among(uses(tree, around), forbidden, permitted)


def violations_among(used: Iterable[Use], forbidden: Sequence[str], permitted: Sequence[str]) -> list[Violation]:
    """Those of the uses that are forbidden.

    To import a forbidden module is no use yet where something in it is permitted; to name it alone is.
    """
    found = {
        (use.line, use.name)
        for use in used
        if _within(use.name, forbidden)
        and not _within(use.name, permitted)
        and not (use.imports and any(_below(kept, use.name) for kept in permitted))
    }
    return [Violation(name, line) for line, name in sorted(found)]


def uses(tree: ast.AST, around: Mapping[str, str] | None = None) -> list[Use]:
    """Every dotted name that is used, of what is imported there or `around`."""
    nodes = list(ast.walk(tree))
    names = {**(around or {}), **_imported(nodes)}
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    return [
        Use(getattr(node, "lineno", 0), name, isinstance(node, (ast.Import, ast.ImportFrom)))
        for node in nodes
        for name in _named(node, names, inner)
    ]


def imported(tree: ast.AST) -> dict[str, str]:
    """Local name -> dotted name, of everything that is imported.

    Example:
        >>> imported(ast.parse("import torch.optim, numpy as np\\nfrom math import pi"))
        {'torch': 'torch', 'np': 'numpy', 'pi': 'math.pi'}
    """
    return _imported(ast.walk(tree))


def _imported(nodes: Iterable[ast.AST]) -> dict[str, str]:
    names = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _named(node: ast.AST, names: dict[str, str], inner: set[int]) -> Iterator[str]:
    """Dotted names that a node uses."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"{node.module}.{alias.name}" if alias.name != "*" else f"{node.module}.*" for alias in node.names)
    elif isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inner and isinstance(node.ctx, ast.Load):
        dotted = _dotted(node, names)
        if dotted:
            yield dotted
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _IMPORTERS:
            yield from (item.value for item in node.args if isinstance(item, ast.Constant) and type(item.value) is str)


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):  # a stranger's text may be deeper than this function may call itself
        parts.append(node.attr)
        node = node.value
    first = names.get(node.id, "") if isinstance(node, ast.Name) else ""
    return first and ".".join([first, *reversed(parts)])


def _below(name: str, parent: str) -> bool:
    return name.startswith(parent + ".")


def _within(name: str, parents: Sequence[str]) -> bool:
    return any(name == parent or _below(name, parent) for parent in parents)
