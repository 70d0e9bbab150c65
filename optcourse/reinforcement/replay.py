"""Experience replay: a ring that keeps the newest transitions and gives any of them back."""

import numpy as np
import torch

from optcourse.reinforcement.checking import check_finite, check_integer
from optcourse.reinforcement.transitions import Batch, Transitions


class ReplayBuffer:
    """The newest `capacity` transitions; batches are drawn uniformly, with replacement, from those that are there.

    Args:
        capacity: >= 1. When it is full, the oldest gives way.
        features: numbers in an observation, >= 1.

    Raises:
        TypeError, ValueError: when an argument breaks its rule.

    Example:
        >>> replay = ReplayBuffer(3, features=1)
        >>> def transition(t):
        ...     return Transitions(*map(np.array, ([[t]], [0], [t], [[t + 1]], [False], [0.9])))
        >>> for t in range(5):
        ...     _ = replay.add(transition(t))
        >>> len(replay), sorted(replay.gather(np.arange(3)).reward.tolist())
        (3, [2.0, 3.0, 4.0])

    References:
        Lin, Self-improving reactive agents, Machine Learning 8, 1992; Mnih et al., Nature 518, 2015.
    """

    def __init__(self, capacity: int, *, features: int) -> None:
        self.capacity = check_integer("capacity", capacity, 1)
        self.features = check_integer("features", features, 1)
        self._size = self._next = 0
        self._rows = Transitions(
            np.zeros((self.capacity, self.features), dtype=np.float32),
            np.zeros(self.capacity, dtype=np.int64),
            np.zeros(self.capacity, dtype=np.float32),
            np.zeros((self.capacity, self.features), dtype=np.float32),
            np.zeros(self.capacity, dtype=bool),
            np.zeros(self.capacity, dtype=np.float32),
        )

    def __len__(self) -> int:
        """How many transitions are there."""
        return self._size

    def add(self, transitions: Transitions) -> np.ndarray:
        """Store rows in their order.

        Args:
            transitions: B rows, 0 <= B <= capacity. Copied.

        Returns:
            (B,) int64, the places they took.

        Raises:
            TypeError: for actions that are no integers, or `terminated` that is not bool.
            ValueError: for shapes that do not fit, more rows than places, or numbers that are not finite. After any of
                these the replay is as before.
        """
        count = len(transitions.reward)
        for name, rows, store in zip(Transitions._fields, transitions, self._rows, strict=True):
            if rows.shape != (count, *store.shape[1:]):
                raise ValueError(
                    f"{name} must have shape {(count, *store.shape[1:])}, got {rows.shape}; this replay was made with "
                    f"features={self.features}"
                )
            check_finite(name, rows)
        check_kind("action", transitions.action, "iu", "of an integer dtype", "actions are numbered, 0, 1, ...")
        check_kind("terminated", transitions.terminated, "b", "of dtype bool", "try terminated.astype(bool)")
        if count > self.capacity:
            raise ValueError(f"at most {self.capacity} rows fit, got {count}; give a larger capacity")
        places = (self._next + np.arange(count)) % self.capacity
        for rows, store in zip(transitions, self._rows, strict=True):
            store[places] = rows
        self._next = (self._next + count) % self.capacity
        self._size = min(self._size + count, self.capacity)
        return places

    def sample(self, batch_size: int, rng: np.random.Generator, *, batches: int = 1) -> Batch:
        """A batch of `batch_size` transitions, each drawn from all that are there.

        Args:
            batch_size: 1 <= batch_size <= len(self).
            rng: advanced.
            batches: >= 1, drawn at once: batches * batch_size rows, one batch after another.

        Raises:
            ValueError: when the replay is empty, or holds fewer transitions than the batch.
        """
        check_batch(batch_size, len(self))
        return self.gather(rng.integers(self._size, size=check_integer("batches", batches, 1) * batch_size))

    def gather(self, places: np.ndarray) -> Batch:
        """The transitions at these places, with weight 1; copies.

        Args:
            places: (B,) int64 in [0, len(self)).

        Raises:
            TypeError, IndexError: as `check_places`.
        """
        check_places(places, self._size)
        s, a, r, following, terminated, discount = (torch.from_numpy(store[places]) for store in self._rows)
        return Batch(s, a, r, following, terminated, discount, torch.ones(len(places)), places)


def check_places(places: np.ndarray, stored: int) -> None:
    """Nothing when something is stored at all of them.

    Raises:
        TypeError: unless they are integers.
        IndexError: for a place where nothing is stored.
    """
    check_kind("places", places, "iu", "of an integer dtype", "take Batch.places")
    if len(places) and not 0 <= places.min() <= places.max() < stored:
        raise IndexError(f"places must be in [0, {stored}), got {places.min()} to {places.max()}; take Batch.places")


def check_kind(name: str, values: np.ndarray, kinds: str, rule: str, fix: str) -> None:
    """Nothing when the dtype is of one of these kinds, as numpy writes them.

    Raises:
        TypeError: otherwise.
    """
    if values.dtype.kind not in kinds:
        raise TypeError(f"{name} must be {rule}, got {values.dtype}; {fix}")


def check_batch(batch_size: int, stored: int) -> None:
    """Nothing when a batch can be drawn.

    Raises:
        TypeError, ValueError: otherwise.
    """
    check_integer("batch_size", batch_size, 1)
    if stored == 0:
        raise ValueError("the replay must hold transitions to sample from, got an empty one; add some first")
    if batch_size > stored:
        raise ValueError(
            f"batch_size must be at most the {stored} transitions stored, got {batch_size}; collect more first"
        )
