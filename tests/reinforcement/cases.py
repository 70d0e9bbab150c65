"""Environments with known answers, and plain-loop twins of what the library does with arrays."""

from collections import deque

import gymnasium
import numpy as np
import torch
from gymnasium.vector import SyncVectorEnv

from optcourse.reinforcement import Steps, Transitions

ENDINGS = ((3, True, False), (2, False, True), (4, True, True))  # length of an episode, terminated, truncated


class Script(gymnasium.Env):
    """Episodes that end as `ENDINGS` says, in turn; the observation tells (row, episode, steps made in it)."""

    action_space = gymnasium.spaces.Discrete(3)
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def __init__(self, row, *, rewards=None):
        self.row, self.episode, self.made, self.rewards = row, -1, 0, rewards or (lambda *where: float(sum(where)))

    def observe(self):
        return np.array([self.row, self.episode, self.made], dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.made = self.episode + 1, 0
        return self.observe(), {}

    def step(self, action):
        self.made += 1
        length, terminated, truncated = ENDINGS[(self.episode + self.row) % len(ENDINGS)]
        ends = self.made == length
        reward = self.rewards(self.row, self.episode, self.made)
        return self.observe(), reward, ends and terminated, ends and truncated, {}


def script(count, **options):
    return SyncVectorEnv([lambda row=row: Script(row, **options) for row in range(count)])


class Bandit(gymnasium.Env):
    """One step a task: action 1 pays 1, action 0 nothing. Q* is (0, 1) whatever gamma is; both flags are true."""

    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.array([1.0, 0.5], dtype=np.float32), {}

    def step(self, action):
        return np.array([1.0, 0.5], dtype=np.float32), float(action), True, True, {}


def bandits(count):
    return SyncVectorEnv([Bandit] * count)


def steps_of(rows):
    """`Steps` from (environment, s, a, r, s', terminated, truncated) rows with one number an observation."""
    environment, s, a, r, following, terminated, truncated = zip(*rows, strict=True)
    column = lambda values: np.array(values, dtype=np.float32).reshape(-1, 1)
    return Steps(
        np.array(environment),
        column(s),
        np.array(a),
        np.array(r, dtype=np.float64),
        column(following),
        np.array(terminated),
        np.array(truncated),
    )


def numbered(first, count, features=2):
    """`count` transitions that can be told apart, numbered from `first`."""
    t = np.arange(first, first + count)
    observation = np.stack([t + 0.25 * f for f in range(features)], axis=1).astype(np.float32)
    return Transitions(
        observation,
        t % 3,
        (2.0 * t).astype(np.float32),
        observation + 1000,
        t % 4 == 0,
        (0.9 ** (t % 3)).astype(np.float32),
    )


class DequeReplay:
    """`ReplayBuffer` as a list of rows that forgets from its left end."""

    def __init__(self, capacity):
        self.rows = deque(maxlen=capacity)

    def add(self, transitions):
        self.rows.extend(zip(*(part.tolist() for part in transitions), strict=True))


def n_step_by_definition(episode, n, gamma):
    """(s, a, return, last next observation, terminated, discount) of each step of one whole episode."""
    rows = []
    for t in range(len(episode)):
        window = episode[t : t + n]
        total = sum(gamma**i * step[2] for i, step in enumerate(window))
        last = window[-1]
        rows.append((episode[t][0], episode[t][1], total, last[3], last[4], gamma ** len(window)))
    return rows


def linear_network(weight, bias=None):
    """One linear layer with these numbers."""
    weight = torch.as_tensor(weight, dtype=torch.float32)
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.zeros(weight.shape[0]) if bias is None else torch.as_tensor(bias))
    return layer
