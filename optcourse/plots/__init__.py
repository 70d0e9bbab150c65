"""Records to figures: every function draws on the Axes it is given; `show` turns a figure into one small picture.

style, figure                look of a notebook or of slides, and a figure in it
show, show_animation, to_png one PNG with its text
curves, learning_rates       what trainings recorded
trajectories, race, journey  paths on a test surface, still and moving
bars, kill_matrix, marks     numbers side by side
"""

from optcourse.plots.animation import race
from optcourse.plots.comparisons import bars, kill_matrix
from optcourse.plots.display import MAXIMUM_BYTES, css_pixels, mimebundle, show, show_animation, to_png
from optcourse.plots.distributions import marks
from optcourse.plots.layers import layer_curves
from optcourse.plots.style import PALETTE, Appearance, appearances, figure, style
from optcourse.plots.surfaces import Journey, journey, trajectories
from optcourse.plots.training import curves, learning_rates

__all__ = [
    "MAXIMUM_BYTES",
    "PALETTE",
    "Appearance",
    "Journey",
    "appearances",
    "bars",
    "css_pixels",
    "curves",
    "figure",
    "journey",
    "kill_matrix",
    "layer_curves",
    "learning_rates",
    "marks",
    "mimebundle",
    "race",
    "show",
    "show_animation",
    "style",
    "to_png",
    "trajectories",
]
