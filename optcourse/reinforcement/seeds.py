"""Where randomness comes from: one stream for each thing that draws."""

import numpy as np


def streams(seed: int) -> list[np.random.Generator]:
    """Independent generators of environments, exploration, replay and evaluation, all from one seed."""
    return [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(4)]


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for environments."""
    return int(rng.integers(2**31))
