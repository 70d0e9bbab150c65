"""What an exercise forbids is taken out of the modules that are loaded."""

import sys
import types

import pytest

from optcourse.grading.sandbox.inside import guard


def test_a_forbidden_package_may_make_its_attributes_lazily(monkeypatch):
    outer, inner = types.ModuleType("lazy_outer"), types.ModuleType("lazy_outer.inner")
    for module in (outer, inner):
        exec("def __getattr__(name):\n    raise AttributeError(name)\n\ndef helper():\n    return 1", vars(module))
        vars(module)["__getattr__"].__module__ = vars(module)["helper"].__module__ = module.__name__
        monkeypatch.setitem(sys.modules, module.__name__, module)
    outer.inner, inner.outer = inner, outer
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))

    guard.forbid(["lazy_outer"], [])

    for refused in (lambda: outer.helper(), lambda: inner.helper(), lambda: inner.made_lazily):
        with pytest.raises(guard.ForbiddenError, match="lazy_outer"):
            refused()
