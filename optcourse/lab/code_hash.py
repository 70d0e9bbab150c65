"""Hash of the code that a measured number depends on: it says when a record is stale."""

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

UNMEASURED = {
    "",
    ".experiments",
    ".experiments.recorded_runs",
    ".lab.claims",
    ".lab.code_hash",
    ".lab.download",
    ".lab.errors",
    ".lab.progress",
}
"""Modules, under the package's name, that no measured number depends on."""


@cache
def code_hash(module: str) -> str:
    """Hash of the code that a module's numbers depend on.

    Covers the module and every module of this package that it imports, directly or not, but those in `UNMEASURED`. What
    an `__init__.py` only hands on comes from where it is defined: what stands beside it there does not count. Nor do
    comments, docstrings, layout and the wording of claims: only a change of behavior makes a record stale.
    """
    digest = hashlib.sha256()
    for name in sorted(_imports(module)):
        digest.update(name.encode() + b"\0" + _behaviour(name).encode())
    return digest.hexdigest()[:16]


def _imports(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        unmeasured = name.partition(".")[1] + name.partition(".")[2] in UNMEASURED
        if name in found or unmeasured or not _is_ours(name) or _source(name) is None:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(_source(name) or "")):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                waiting += [_origin(node.module, alias.name) for alias in node.names]
    return found


def _origin(module: str, name: str) -> str:
    """The module that `from module import name` takes it from, behind the packages that only hand it on."""
    if not _is_ours(module) or not _is_package(module):
        return module
    if _source(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    for node in ast.parse(_source(module) or "").body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _origin(node.module, alias.name)
    return module


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _is_package(module: str) -> bool:
    spec = importlib.util.find_spec(module) if _source(module) is not None else None
    return spec is not None and spec.submodule_search_locations is not None


@cache
def _source(module: str) -> str | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    if spec is None or not spec.origin:
        return None
    return Path(spec.origin).read_text(encoding="utf-8")


def _behaviour(module: str) -> str:
    tree = ast.parse(_source(module) or "")
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # a string that stands alone is documentation, of a module, class, function or attribute
            node.body = [s for s in body if not (_is_text(s) or _are_claims(s))] or [ast.Pass()]  # type: ignore[attr-defined]
    return _dump(tree)


def _dump(node) -> str:
    # ast.dump prints differently from one Python release to the next: it shows fields that older ones do not have
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({','.join(f'{name}={_dump(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    return repr(node)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _are_claims(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", None) == "CLAIMS"
