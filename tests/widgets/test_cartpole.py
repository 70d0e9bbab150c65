"""Watch the policy: every shipped policy plays, and the words agree with what it did."""

import io
import re

import pytest
from PIL import Image

from optcourse.experiments.reinforcement import policies, watch
from optcourse.plots import MAXIMUM_BYTES
from optcourse.widgets import watch_the_policy

STEPS = [policy.step for policy in policies()]


@pytest.fixture(scope="module")
def explorer():
    return watch_the_policy()


def test_starts_with_the_best_policy(explorer):
    best = max(policies(), key=lambda policy: policy.mean_return)
    assert explorer.values == {"step": best.step, "start": 0, "push": 0.0}
    assert f"{best.mean_return:.1f} on average" in explorer.reading


def test_policies_play_and_words_agree(explorer):
    first, *between, last = policies()
    for policy in (first, between[len(between) // 2], last):
        explorer.set(step=policy.step, start=1, push=0.0)
        assert explorer.error is None
        episode = watch(policy.network, seed=10_001)
        assert f"after {episode.steps} steps" in explorer.alt
        assert ("still stands" in explorer.alt) == episode.truncated
        assert len(explorer.png) <= MAXIMUM_BYTES
        with Image.open(io.BytesIO(explorer.png)) as picture:
            assert picture.is_animated


def test_pushed_and_started_elsewhere(explorer):
    explorer.set(step=STEPS[0], start=0, push=0.0)
    calm = explorer.png
    explorer.set(start=5)
    assert explorer.png != calm
    explorer.set(step=max(policies(), key=lambda policy: policy.mean_return).step, start=0, push=2.0)
    assert "pushed by 2 rad/s at 1 s" in explorer.alt
    assert re.search(r"(falls|track|stands) after \d+ steps", explorer.alt)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 1}, "step must be one of .*, got 1"),
        ({"start": 21}, r"start must be in \[0, 20\], got 21"),
        ({"push": -3.0}, r"push must be in \[-2, 2\], got -3.0"),
    ],
)
def test_first_setting_is_checked(options, message):
    with pytest.raises(ValueError, match=message):
        watch_the_policy(**options)
