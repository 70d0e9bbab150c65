"""`import optcourse` is light: benchmarks/import_time.py measures what it costs, here is asserted what it loads."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import optcourse", {"torch", "numpy", "matplotlib", "ipywidgets", "IPython", "gymnasium"}),
        ("import optcourse.cli.lab", {"torch", "numpy", "matplotlib", "ipywidgets", "IPython", "gymnasium"}),
        ("import optcourse.optimizers, optcourse.lab.train", {"matplotlib", "ipywidgets", "IPython", "gymnasium"}),
        ("import optcourse.grading", {"matplotlib", "ipywidgets", "gymnasium"}),
    ],
)
def test_loads_nothing_that_was_not_asked_for(statement, heavy):
    program = f"{statement}, sys; print(' '.join(sorted({heavy} & sys.modules.keys())))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
