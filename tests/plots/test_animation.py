"""The animated race: a valid, light, endless animated PNG that shows what happened."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from optcourse.optimizers import OPTIMIZERS, SURFACES, descend
from optcourse.plots import MAXIMUM_BYTES, animation, race


@pytest.fixture(scope="module")
def rastrigin():
    """The heaviest surface with everybody on it."""
    surface = SURFACES["rastrigin"]
    paths = {name: descend(surface, lambda p, kind=kind: kind(p, lr=0.01), 60) for name, kind in OPTIMIZERS.items()}
    return race(surface, paths, frames=30)


def frames(png):
    with Image.open(io.BytesIO(png)) as picture:
        for number in range(picture.n_frames):
            picture.seek(number)
            yield np.asarray(picture.convert("RGB")), picture.info["duration"]


def test_stays_light_loops_and_holds_the_finished_race(rastrigin):
    assert len(rastrigin) <= MAXIMUM_BYTES
    with Image.open(io.BytesIO(rastrigin)) as picture:
        assert (picture.format, picture.is_animated, picture.n_frames, picture.info["loop"]) == ("PNG", True, 30, 0)
    pictures, durations = zip(*frames(rastrigin), strict=True)
    assert durations == (2500, *[80] * 29)
    assert all((picture[0, 0] == 255).all() for picture in pictures)  # off-white would show on a page
    # The finished race differs less and less from the frames that lead up to it.
    distances = [np.abs(pictures[0].astype(int) - picture).mean() for picture in pictures[1:]]
    assert distances[0] > 2 * distances[-1] > 0


def test_decoding_gives_the_frames_back():
    generator = np.random.default_rng(0)
    palette = generator.integers(0, 256, size=(256, 3), dtype=np.uint8)
    pictures = [generator.integers(0, 255, size=(7, 9), dtype=np.uint8)]
    for box in ((slice(0, 2), slice(3, 9)), (slice(6, 7), slice(0, 1)), (slice(0, 0), slice(0, 0))):
        pictures.append(pictures[-1].copy())
        pictures[-1][box] = generator.integers(0, 255, size=pictures[-1][box].shape)
    png = animation._animated_png(pictures, [10, 20, 30, 40], palette.tobytes())
    decoded = list(frames(png))
    assert [duration for _, duration in decoded] == [10, 20, 30, 40]
    for (picture, _), indices in zip(decoded, pictures, strict=True):
        assert np.array_equal(picture, palette[indices])


def test_short_race_has_a_frame_a_step_and_marks_who_left():
    surface = SURFACES["quadratic"]
    png = race(surface, {"sgd": torch.tensor([[-4.0, 1.0], [-2.0, 0.0], [-60.0, 0.0]])}, frames=40, title="Out")
    assert len(list(frames(png))) == 3


@pytest.mark.parametrize(("paths", "options"), [({}, {}), ({"sgd": torch.zeros(2, 2)}, {"frames": 1})])
def test_bad_input(paths, options):
    with pytest.raises(ValueError, match="at least"):
        race(SURFACES["quadratic"], paths, **options)


def test_race_that_cannot_be_made_light_is_refused(monkeypatch):
    monkeypatch.setattr(animation, "MAXIMUM_BYTES", 3000)
    with pytest.raises(ValueError, match="at 60 dots an inch, more than 3,000; take fewer frames"):
        race(SURFACES["quadratic"], {"sgd": torch.zeros(3, 2)})
