"""Explorer: watch what a policy does, from the first steps of its training to the day it was lost."""

import html

import ipywidgets

from optcourse.experiments.reinforcement import Episode, policies, watch
from optcourse.plots import cartpole
from optcourse.widgets.explorer import Drawing, Explorer

_NARROW = {"style": {"description_width": "108px"}, "layout": {"width": "295px"}}


def watch_the_policy(*, step: int | None = None, start: int = 0, push: float = 0.0) -> Explorer:
    """Explorer of the policies of one training of CartPole; the arguments are its first setting.

    Args:
        step: of training, one at which a policy ships; by default the best one's.
        start: seed of the start, which training never saw.
        push: what is added to the velocity of the pole after a second, in rad/s.

    Raises:
        ValueError: for a step, a start or a push that its control does not offer.
    """
    shipped = policies()
    best = max(shipped, key=lambda policy: policy.mean_return)
    controls = {
        "step": ipywidgets.SelectionSlider(
            options=[policy.step for policy in shipped],
            description="Training step",
            continuous_update=False,
            **_NARROW,
        ),
        "start": ipywidgets.IntSlider(min=0, max=20, description="Start (seed)", continuous_update=False, **_NARROW),
        "push": ipywidgets.FloatSlider(
            min=-2, max=2, step=0.1, description="Push (rad/s)", continuous_update=False, **_NARROW
        ),
    }
    return Explorer(
        _draw_episode,
        controls,
        first={"step": best.step if step is None else step, "start": start, "push": push},
        title="Watch the policy",
        text=(
            "One training, from its first look to the one after the best policy was lost. Which policies survive a "
            "push, and how hard may it be?"
        ),
    )


def _draw_episode(*, step: int, start: int, push: float) -> Drawing:
    policy = next(policy for policy in policies() if policy.step == step)
    episode = watch(policy.network, seed=10_000 + start, push=push)
    picture, animation = cartpole(episode.states, title=f"policy after {step:,} steps of training")
    pushed = f", pushed by {push:g} rad/s at 1 s" if push else ""
    alt = f"Cart and pole under the policy of training step {step:,}, start {start}{pushed}: {_ending(episode)}."
    reading = (
        f"{html.escape(_ending(episode).capitalize())}.<br>Over 100 fresh episodes this policy earns "
        f"{policy.mean_return:.1f} on average; 500 is the most there is."
    )
    return Drawing(picture, alt, reading, animation)


def _ending(episode: Episode) -> str:
    """How the episode ended, in words."""
    seconds = f"{episode.steps} steps"
    if not episode.terminated:
        return f"it still stands after {seconds}, when the episode is truncated"
    where = abs(episode.states[-1, 0])
    return f"the cart leaves the track after {seconds}" if where > 2.4 else f"the pole falls after {seconds}"
