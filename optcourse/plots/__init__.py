"""Records to figures: every function draws on the Axes it is given; `show` turns a figure into one small picture.

style, figure                look of a notebook or of slides, and a figure in it
show, show_animation         one PNG with its text
curves, learning_rates       what trainings recorded
trajectories, race           paths on a test surface, still and moving
bars, kill_matrix            numbers side by side
"""

from optcourse.plots.comparisons import bars
from optcourse.plots.display import MAXIMUM_BYTES, mimebundle, show, show_animation, to_png
from optcourse.plots.style import PALETTE, Appearance, appearances, figure, style
from optcourse.plots.surfaces import trajectories
from optcourse.plots.training import curves, learning_rates

__all__ = [
    "MAXIMUM_BYTES",
    "PALETTE",
    "Appearance",
    "appearances",
    "bars",
    "curves",
    "figure",
    "learning_rates",
    "mimebundle",
    "show",
    "show_animation",
    "style",
    "to_png",
    "trajectories",
]
