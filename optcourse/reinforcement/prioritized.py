"""Prioritized replay: transitions with a large error come back more often, and count for less each time."""

import numpy as np
import torch

from optcourse.reinforcement.checking import check_finite, check_number
from optcourse.reinforcement.replay import ReplayBuffer, check_batch, check_places
from optcourse.reinforcement.transitions import Batch, Transitions

EPSILON = 1e-6  # added to each absolute error, so that none is 0 and every transition may come back


def proportional_reference(priority: np.ndarray, mass: np.ndarray) -> np.ndarray:
    r"""Which transition each mass falls on, when they lie side by side, each as wide as its priority.

    .. math:: i = \min \{ j : \textstyle\sum_{l \le j} p_l > m \}

    Args:
        priority: (N,) float64, p >= 0.
        mass: (B,) float64, m in [0, sum p).

    Returns:
        (B,) int64. Pure; O(N + B log N), where `SumTree` needs O(B log N).

    Raises:
        ValueError: for a mass outside the interval.

    Example:
        >>> proportional_reference(np.array([1.0, 0.0, 3.0]), np.array([0.5, 1.0, 3.9])).tolist()
        [0, 2, 2]
    """
    edges = np.cumsum(priority)
    if not ((mass >= 0) & (mass < edges[-1])).all():
        raise ValueError(f"mass must be in [0, {edges[-1]}), got {mass.min()} to {mass.max()}; scale it by the sum")
    return np.searchsorted(edges, mass, side="right")


def importance_weight(probability: np.ndarray, count: int, beta: float) -> np.ndarray:
    r"""How much a loss counts, so that what comes often counts less; the largest of the batch is 1.

    .. math:: w_i = (N P_i)^{-\beta} \,/\, \max_j (N P_j)^{-\beta}

    Args:
        probability: (B,) P > 0, of being drawn.
        count: N, transitions in the replay.
        beta: in [0, 1]; 1 corrects fully, 0 not at all.

    Raises:
        TypeError, ValueError: for a beta outside the interval.

    Example:
        >>> importance_weight(np.array([0.5, 0.25]), 4, beta=1.0).tolist()
        [0.5, 1.0]
    """
    weight = (count * probability) ** -check_number("beta", beta, 0, 1)
    return weight / weight.max()


class SumTree:
    """A binary tree over `capacity` numbers >= 0 whose nodes hold the sums below them; `total` is at the root.

    Changing B numbers and finding B of them takes O(B log capacity). Sums are made anew from both children, never by
    adding differences, so that rounding errors do not pile up.

    Args:
        capacity: leaves, >= 1; all 0 at first.
    """

    def __init__(self, capacity: int) -> None:
        self.depth = (capacity - 1).bit_length()
        self._node = np.zeros(2 << self.depth)  # the root is 1, children of i are 2 i and 2 i + 1, node 0 is unused

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._node[1])

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        """The numbers at these leaves."""
        return self._node[index + (1 << self.depth)]

    def __setitem__(self, index: np.ndarray, value: np.ndarray | float) -> None:
        """Put numbers at leaves, and mend the sums above them; of a leaf named twice the last number stays."""
        node = index + (1 << self.depth)
        self._node[node] = value
        for _ in range(self.depth):
            node = node >> 1
            self._node[node] = self._node[2 * node] + self._node[2 * node + 1]

    def find(self, mass: np.ndarray) -> np.ndarray:
        """As `proportional_reference`; a mass that rounding carries beyond the end finds the last leaf above 0.

        Args:
            mass: (B,) float64 in [0, total).
        """
        node = np.ones(len(mass), dtype=np.int64)
        for _ in range(self.depth):
            left = 2 * node
            below = self._node[left]
            right = (mass >= below) & (self._node[left + 1] > 0)
            mass = mass - np.where(right, below, 0.0)
            node = left + right
        return node - (1 << self.depth)


class PrioritizedReplay:
    r"""A replay that draws transition i with probability p_i^alpha over the sum of all.

    .. math:: p_i = |\delta_i| + \epsilon, \qquad P_i = p_i^\alpha / \textstyle\sum_j p_j^\alpha

    delta is the TD error when i was last in a batch; a new transition gets the largest priority seen so far, so that
    it comes up soon. A batch of B takes one from each of B equal shares of the mass.

    Args:
        capacity, features: as for `ReplayBuffer`.
        alpha: in [0, 1]; 0 draws uniformly.

    Raises:
        TypeError, ValueError: when an argument breaks its rule.

    Differs from the paper: the rank-based variant is left out; new transitions get the largest priority ever seen, not
    the largest still stored.

    References:
        Schaul et al., Prioritized Experience Replay, ICLR 2016, algorithm 1.
    """

    def __init__(self, capacity: int, *, features: int, alpha: float = 0.6) -> None:
        self.alpha = check_number("alpha", alpha, 0, 1)
        self._buffer = ReplayBuffer(capacity, features=features)
        self._tree = SumTree(self._buffer.capacity)
        self._largest = 1.0

    def __len__(self) -> int:
        """How many transitions are there."""
        return len(self._buffer)

    def add(self, transitions: Transitions) -> np.ndarray:
        """As `ReplayBuffer.add`; each row gets the largest priority seen so far."""
        places = self._buffer.add(transitions)
        self._tree[places] = self._largest**self.alpha
        return places

    def sample(self, batch_size: int, rng: np.random.Generator, *, beta: float) -> Batch:
        """A batch with the weights that correct for the priorities.

        Args:
            batch_size: 1 <= batch_size <= len(self).
            rng: advanced.
            beta: in [0, 1]; see `importance_weight`.

        Raises:
            TypeError, ValueError: as `ReplayBuffer.sample`, and for a beta outside the interval.
        """
        check_batch(batch_size, len(self))
        share = self._tree.total / batch_size
        places = self._tree.find(share * (np.arange(batch_size) + rng.random(batch_size)))
        weight = importance_weight(self.probability(places), len(self), beta)
        return self._buffer.gather(places)._replace(weight=torch.from_numpy(weight).float())

    def probability(self, places: np.ndarray) -> np.ndarray:
        """(B,) float64, how likely each place is to be drawn."""
        return self._tree[places] / self._tree.total

    def update_priorities(self, places: np.ndarray, error: np.ndarray) -> None:
        """Give transitions new priorities.

        Args:
            places: (B,) as in `Batch.places`.
            error: (B,) their TD errors, of either sign.

        Raises:
            TypeError, IndexError: as `check_places`.
            ValueError: for errors that are not finite, or not one for each place. After any of these, priorities are
                as before.
        """
        check_places(places, len(self))
        if places.ndim != 1 or error.shape != places.shape:
            raise ValueError(
                f"places and error must be (B,), got {places.shape} and {error.shape}; give one TD error for each place"
            )
        check_finite("TD errors", error)
        priority = np.abs(error.astype(np.float64)) + EPSILON
        self._tree[places] = priority**self.alpha
        self._largest = max(self._largest, float(priority.max(initial=0.0)))
