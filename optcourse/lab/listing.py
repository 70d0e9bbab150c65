"""The code that runs, shown in a lesson: what is read cannot fall out of step with what is executed."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Listing:
    """Code of one function, shown highlighted in a notebook and plain elsewhere."""

    code: str

    def __repr__(self) -> str:
        return self.code

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.code}\n```"


def show_source(function: Callable) -> Listing:
    """The code of a function as it runs, without its docstring (which `function?` shows).

    Raises:
        TypeError: for anything that has no Python source, such as a built-in.

    Example:
        >>> show_source(textwrap.shorten)
        def shorten(text, width, **kwargs):
            w = TextWrapper(width=width, max_lines=1, **kwargs)
            return w.fill(' '.join(text.strip().split()))
    """
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (TypeError, OSError) as error:
        raise TypeError(f"need a function written in Python, got {function!r}; it has no source to show") from error
    definition = ast.parse(text).body[0]
    lines = text.rstrip().split("\n")
    if isinstance(definition, ast.FunctionDef) and ast.get_docstring(definition) is not None:
        documentation = definition.body[0]
        del lines[documentation.lineno - 1 : documentation.end_lineno]
    return Listing("\n".join(lines))
