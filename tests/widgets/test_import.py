"""The package of explorers loads without what lessons measure, which a class run withholds from submissions."""

import subprocess
import sys

import pytest

from optcourse import widgets

WITHHELD = """
import sys
sys.modules["optcourse.experiments"] = None
from optcourse.widgets import Explorer, race_on_a_surface, variance_through_depth
"""


def test_it_loads_without_the_experiments():
    done = subprocess.run([sys.executable, "-c", WITHHELD], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", dir(widgets))
def test_every_name_is_there(name):
    assert getattr(widgets, name).__name__ == name


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'racing'.*race_on_a_surface"):
        widgets.racing  # noqa: B018
