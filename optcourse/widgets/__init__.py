"""Explorers: figures with controls.

Explorer, Drawing, Choices   what explorers are made of
race_on_a_surface            optimizers on a test surface
bits_and_range               weights on a grid of few numbers
variance_through_depth       signal and gradient through a deep net
"""

from optcourse.widgets.clipping import bits_and_range
from optcourse.widgets.depth import variance_through_depth
from optcourse.widgets.explorer import Choices, Drawing, Explorer
from optcourse.widgets.race import race_on_a_surface

__all__ = ["Choices", "Drawing", "Explorer", "bits_and_range", "race_on_a_surface", "variance_through_depth"]
