"""Answers to the exercise on the replay."""

from tests.grading.wrong_answers.from_text import answers

STUB = """
class Replay:
    def __init__(self, capacity):
        raise NotImplementedError()

    def __len__(self):
        raise NotImplementedError()

    def add(self, observation, action, reward, next_observation, terminated):
        raise NotImplementedError()

    def sample(self, batch_size):
        raise NotImplementedError()
"""

SOURCE = """
class Replay:
    def __init__(self, capacity):
        self.capacity, self.place, self.rows = capacity, 0, []

    def __len__(self):
        return len(self.rows)

    def add(self, observation, action, reward, next_observation, terminated):
        row = observation.clone(), action, reward, next_observation.clone(), terminated
        if len(self.rows) < self.capacity:
            self.rows.append(row)
        else:
            self.rows[self.place] = row
        self.place = (self.place + 1) % self.capacity

    def sample(self, batch_size):
        drawn = [self.rows[place] for place in torch.randint(len(self.rows), (batch_size,))]
        observation, action, reward, next_observation, terminated = zip(*drawn)
        return (
            torch.stack(observation),
            torch.tensor(action),
            torch.tensor(reward),
            torch.stack(next_observation),
            torch.tensor(terminated),
        )
"""

TENSORS = """
class Replay:
    def __init__(self, capacity):
        self.capacity, self.size, self.next = capacity, 0, 0
        self.observation = None

    def __len__(self):
        return self.size

    def add(self, observation, action, reward, next_observation, terminated):
        if self.observation is None:
            self.observation = torch.zeros(self.capacity, len(observation))
            self.next_observation = torch.zeros(self.capacity, len(observation))
            self.action = torch.zeros(self.capacity, dtype=torch.long)
            self.reward = torch.zeros(self.capacity)
            self.terminated = torch.zeros(self.capacity, dtype=torch.bool)
        self.observation[self.next] = observation
        self.next_observation[self.next] = next_observation
        self.action[self.next] = action
        self.reward[self.next] = reward
        self.terminated[self.next] = terminated
        self.next = (self.next + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def sample(self, batch_size):
        i = torch.randint(self.size, (batch_size,))
        return self.observation[i], self.action[i], self.reward[i], self.next_observation[i], self.terminated[i]
"""

_VALID = [
    (
        "a deque",
        """
class Replay:
    def __init__(self, capacity):
        self.memory = collections.deque(maxlen=capacity)

    def __len__(self):
        return len(self.memory)

    def add(self, *row):
        self.memory.append([torch.as_tensor(part, dtype=torch.float64).clone() for part in row])

    def sample(self, batch_size):
        return tuple(map(torch.stack, zip(*random.choices(self.memory, k=batch_size))))
""",
    ),
    ("tensors of its own", TENSORS),
    (
        "a list that loses its head, numpy's numbers",
        """
class Replay:
    def __init__(self, capacity):
        self.rows = []
        self.capacity = capacity

    def __len__(self):
        return len(self.rows)

    def add(self, observation, action, reward, next_observation, terminated):
        self.rows += [(observation.tolist(), action, reward, next_observation.tolist(), terminated)]
        if len(self.rows) > self.capacity:
            self.rows.pop(0)

    def sample(self, batch_size):
        chosen = [self.rows[i] for i in np.random.randint(0, len(self), batch_size)]
        return [np.array([row[part] for row in chosen]) for part in range(5)]
""",
    ),
]

_APPEND = "if len(self.rows) < self.capacity:"
_PUT = "self.rows[self.place] = row"
_DRAW = "torch.randint(len(self.rows), (batch_size,))"
_MOVE = "self.place = (self.place + 1) % self.capacity"
_COPY, _NEXT_COPY = "row = observation.clone()", "next_observation.clone()"
_DRAWN = f"drawn = [self.rows[place] for place in {_DRAW}]"
_ROWS = "self.rows = capacity, 0, []"
_EMPTY = "self.rows = capacity, 0, [(torch.zeros(2), 0, 0.0, torch.zeros(2), False)] * capacity"

_WRONG = [
    ("overwrites_the_newest", "the last gives way", (_PUT, "self.rows[-1] = row")),
    ("overwrites_the_newest", "place never moves on when full", (_PUT, "self.rows[self.capacity - 1] = row")),
    (
        "place_moves_before_writing",
        "moves on, then writes",
        (_PUT, f"{_MOVE}\n            {_PUT}"),
        (f"{_PUT}\n        {_MOVE}\n", f"{_PUT}\n"),
    ),
    (
        "one_draw_for_the_batch",
        "one randint",
        (_DRAWN, "drawn = [self.rows[torch.randint(len(self.rows), ())]] * batch_size"),
    ),
    ("not_uniform", "squared", (_DRAW, "(torch.rand(batch_size) ** 2 * len(self.rows)).long()")),
    ("not_uniform", "rounded", (_DRAW, "(torch.rand(batch_size) * (len(self.rows) - 1)).round().long()")),
    (
        "rows_in_an_order",
        "neighbors",
        (_DRAW, "(torch.randint(len(self.rows), ()) + torch.arange(batch_size)) % len(self.rows)"),
    ),
    ("rows_in_an_order", "no draw at all", (_DRAW, "torch.arange(batch_size) % len(self.rows)")),
    ("grows_past_capacity", "no test", (_APPEND, "if True:")),
    ("ignores_when_full", "nothing when full", (_PUT, "return")),
    ("emptied_when_full", "begins anew", (_PUT, "self.rows = [row]")),
    (
        "keeps_one_more",
        "<= for <",
        (_APPEND, "if len(self.rows) <= self.capacity:"),
        (_MOVE, "self.place = (self.place + 1) % (self.capacity + 1)"),
    ),
    ("keeps_one_fewer", "capacity - 1", ("self.rows = capacity, 0", "self.rows = capacity - 1, 0")),
    (
        "wraps_to_the_second_place",
        "back to 1",
        (_MOVE, "self.place = self.place + 1 if self.place + 1 < self.capacity else min(1, self.capacity - 1)"),
        (_PUT, "self.place = max(self.place, 1)\n            self.rows[self.place] = row"),
    ),
    (
        "wrong_length",
        "counts everything",
        ("return len(self.rows)", "return self.count"),
        (_MOVE, f"{_MOVE}\n        self.count = getattr(self, 'count', 0) + 1"),
    ),
    ("wrong_length", "the capacity", ("return len(self.rows)", "return self.capacity")),
    ("never_draws_the_last", "one too low", (_DRAW, "torch.randint(len(self.rows) - 1, (batch_size,))")),
    ("never_draws_the_first", "from 1", (_DRAW, "torch.randint(1, len(self.rows), (batch_size,))")),
    (
        "draws_the_newest_alone",
        "the newest again and again",
        (_DRAWN, "drawn = [self.rows[self.place - 1]] * batch_size"),
    ),
    ("draws_one_place", "place 0", (_DRAWN, "drawn = [self.rows[0]] * batch_size")),
    ("at_most_once", "randperm", (_DRAW, "torch.randperm(len(self.rows))[:batch_size]")),
    ("at_most_once", "random.sample", (_DRAWN, "drawn = random.sample(self.rows, batch_size)")),
    ("at_most_once", "multinomial", (_DRAW, "torch.multinomial(torch.ones(len(self.rows)), batch_size)")),
    ("draws_below_the_position", "randint of torch", (_DRAW, "torch.randint(self.place, (batch_size,))")),
    ("draws_below_the_position", "randint of numpy", (_DRAW, "np.random.randint(0, self.place, batch_size)")),
    (
        "parts_drawn_apart",
        "each part by itself",
        (
            "torch.stack(observation)",
            "torch.stack([self.rows[i][0] for i in torch.randint(len(self.rows), (batch_size,))])",
        ),
    ),
    (
        "numbers_as_columns",
        "each number in a tensor of its own",
        ("torch.tensor(action)", "torch.tensor(action).unsqueeze(1)"),
        ("torch.tensor(reward)", "torch.tensor(reward)[:, None]"),
        ("torch.tensor(terminated)", "torch.tensor(terminated).reshape(-1, 1)"),
    ),
    ("stores_no_copy", "neither", (_COPY, "row = observation"), (_NEXT_COPY, "next_observation")),
    ("stores_no_copy", "not the observation", (_COPY, "row = observation")),
    ("stores_no_copy", "not the next one", (_NEXT_COPY, "next_observation")),
    (
        "observations_exchanged",
        "exchanged",
        ("            torch.stack(observation)", "            torch.stack(following)"),
        ("            torch.stack(next_observation)", "            torch.stack(observation)"),
        ("reward, next_observation, terminated = zip", "reward, following, terminated = zip"),
    ),
    ("next_observation_lost", "twice the same", ("torch.stack(next_observation)", "torch.stack(observation)")),
    (
        "overwrites_the_newest+stores_no_copy",
        "two at once",
        (_PUT, "self.rows[-1] = row"),
        (_COPY, "row = observation"),
        (_NEXT_COPY, "next_observation"),
    ),
]

_OF_TENSORS = [
    ("draws_unwritten_places", "the whole ring", ("torch.randint(self.size,", "torch.randint(self.capacity,")),
    ("last_place_never_written", "turns too early", ("% self.capacity", "% (self.capacity - 1)")),
    ("draws_below_the_position", "next for size", ("torch.randint(self.size,", "torch.randint(self.next,")),
    (
        "wraps_to_the_second_place",
        "back to 1",
        (
            "self.next = (self.next + 1) % self.capacity",
            "self.next = self.next % (self.capacity - 1) + 1 if self.next else 1",
        ),
    ),
]

_UNLISTED = [
    (
        "failed",
        "every second one is lost",
        (_APPEND, "if self.place % 2:\n            pass\n        elif len(self.rows) < self.capacity:"),
    ),
    (
        "error",
        "a dict",
        (
            "return (\n            torch.stack(observation)",
            "return {'observation': observation} or (\n            torch.stack(observation)",
        ),
    ),
    (
        "error",
        "three parts",
        ("            torch.stack(next_observation),\n            torch.tensor(terminated),\n", ""),
    ),
    ("failed", "negated rewards", ("torch.tensor(reward)", "-torch.tensor(reward)")),
    ("failed", "rewards as a column", ("torch.tensor(reward)", "torch.tensor(reward)[:, None]")),
    ("error", "no return", ("        return (\n            torch.stack", "        row = (\n            torch.stack")),
    ("error", "misspelled", ("torch.randint", "torch.random_integers")),
    ("error", "another constructor", ("def __init__(self, capacity)", "def __init__(self, capacity, features)")),
]

_EXERCISE = "reinforcement.replay"
ANSWERS = [
    *answers(_EXERCISE, SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED, stub=STUB),
    *answers(_EXERCISE, TENSORS, valid=(), wrong=_OF_TENSORS, stub=STUB)[3:],
]
