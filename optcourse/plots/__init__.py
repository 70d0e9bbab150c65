"""Records to figures: every function draws on the Axes it is given; `show` turns a figure into one small picture.

style, figure                look of a notebook or of slides, and a figure in it
show, show_animation, to_png one PNG with its text
curves, learning_rates       what trainings recorded
trajectories, race, journey  paths on a test surface, still and moving
cartpole                     an episode of CartPole, moving
bars, kill_matrix, marks     numbers side by side
bands, by_setting            a number over a setting
weight_grid, range_errors    weights on a grid of few numbers
"""

from optcourse.plots.animation import race
from optcourse.plots.bands import bands, by_setting
from optcourse.plots.comparisons import bars, kill_matrix
from optcourse.plots.display import MAXIMUM_BYTES, css_pixels, mimebundle, show, show_animation, to_png
from optcourse.plots.distributions import marks
from optcourse.plots.episodes import cartpole
from optcourse.plots.grids import range_errors, weight_grid
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
    "bands",
    "bars",
    "by_setting",
    "cartpole",
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
    "range_errors",
    "show",
    "show_animation",
    "style",
    "to_png",
    "trajectories",
    "weight_grid",
]
