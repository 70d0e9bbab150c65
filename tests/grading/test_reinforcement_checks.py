"""The models that judge the reinforcement exercises, against the library; cases none of them degenerate."""

import math
import random
import re
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch

from optcourse import catalogue
from optcourse.grading.candidate import OVERWRITTEN, AnswerError, Script, Servant, Session, direct, serializing
from optcourse.grading.checks import find
from optcourse.grading.checks.reinforcement import TUTORIAL, clinic
from optcourse.grading.checks.reinforcement.clinic import learn
from optcourse.grading.checks.reinforcement.ends import transitions
from optcourse.grading.checks.reinforcement.epsilon import epsilon
from optcourse.grading.checks.reinforcement.n_step import n_step_target
from optcourse.grading.checks.reinforcement.tabular import q_update
from optcourse.grading.checks.reinforcement.targets import double_target, td_target
from optcourse.grading.engine import grade
from optcourse.reinforcement import (
    Interaction,
    NStep,
    ReplayBuffer,
    Steps,
    Transitions,
    q_learning_reference,
    td_loss,
    vector_environment,
)
from optcourse.reinforcement import td_target as library_target
from optcourse.schedules import linear

EXERCISES = catalogue.exercises("reinforcement")
SEEDS = range(20)


def problems(exercise: str, seed: int = 3) -> list:
    return [case.problem for case in find(f"reinforcement.{exercise}").cases(seed)]


def test_targets_are_those_of_the_library():
    for q, state, action, reward, next_state, terminated, _, lr, gamma in problems("q_learning"):
        args = q.numpy(), state, action, reward, next_state, terminated
        expected, _ = q_learning_reference(*args, lr=lr, gamma=gamma)
        np.testing.assert_allclose(q_update(q, *args[1:], False, lr, gamma), expected, rtol=1e-12)
    for problem in problems("td_target"):
        reward, terminated, _, next_q, gamma = problem
        expected = library_target(reward, terminated, next_q, discount=gamma)
        np.testing.assert_allclose(td_target(*problem), expected, rtol=1e-12)
    for problem in problems("double_target"):
        reward, terminated, _, online, target, gamma = problem
        expected = library_target(reward, terminated, target, discount=gamma, next_q_online=online)
        np.testing.assert_allclose(double_target(*problem), expected, rtol=1e-12)


def test_n_step_targets_are_those_of_the_library():
    for problem in problems("n_step"):
        reward, terminated, truncated, value, n, gamma = problem
        window, found = NStep(n, gamma=gamma), {}
        for t in range(len(reward)):
            here, there = np.array([[t]], dtype=np.float32), np.array([[t + 1]], dtype=np.float32)
            flags = (np.array([flag[t].item()]) for flag in (terminated, truncated))
            made = window.push(
                Steps(np.zeros(1, int), here, np.zeros(1, int), reward[t : t + 1].numpy(), there, *flags)
            )
            for row in range(len(made.reward)):
                last = int(made.next_observation[row, 0]) - 1
                behind = 0.0 if made.terminated[row] else made.discount[row] * float(value[last])
                found[int(made.observation[row, 0])] = made.reward[row] + behind
        expected = n_step_target(*problem)
        assert len(found) >= len(reward) - n + 1  # the library waits with windows that the data cut short
        for t, target in found.items():
            assert target == pytest.approx(expected[t], rel=1e-6)


def test_a_replay_keeps_what_that_of_the_library_keeps():
    check = find("reinforcement.replay")
    for case in check.cases(2):
        ring = ReplayBuffer(case.problem.capacity, features=1)
        seen = [item for item in check.model(case.problem, {}) if item.place.startswith("which")]
        for count in range(1, len(case.problem.rows) + 1):
            row = [[[0.0]], [0], [count - 1], [[0.0]], [False], [1.0]]
            ring.add(Transitions(*map(np.array, row)))
            if count in case.problem.looks:
                kept = set(ring.gather(np.arange(len(ring))).reward.tolist())
                assert kept == set(np.flatnonzero(seen.pop(0).value).tolist())


def test_kept_rows_are_those_of_a_real_vector_environment():
    envs = vector_environment(lambda count: gymnasium.make_vec("CartPole-v1", count, max_episode_steps=20), 3)
    flags, plain_step = [], envs.step

    def step(action):
        result = plain_step(action)
        flags.append((result[2].copy(), result[3].copy()))
        return result

    envs.step = step
    world, rng, kept, steps = Interaction(envs, seed=1), np.random.default_rng(0), [], []
    for _ in range(120):
        rows = world.step(rng.integers(2, size=3)).environment
        kept.append(np.isin(np.arange(3), rows))
        steps.append(world.steps)
    envs.close()
    terminated, truncated = (torch.from_numpy(np.array(flag)) for flag in zip(*flags, strict=True))
    assert terminated.any()
    assert truncated.any()
    expected, counted = transitions(terminated, truncated)
    np.testing.assert_array_equal(np.array(kept), expected)
    np.testing.assert_array_equal(steps, counted)


def test_epsilon_is_the_linear_schedule():
    for problem in problems("epsilon"):
        _, step, start, end, steps = problem
        assert epsilon(*problem) == pytest.approx(linear(start, end, steps=steps)(step), rel=1e-12)


@pytest.mark.parametrize("flows", [False, True])
def test_the_mended_update_is_that_of_autograd(flows):
    for problem in problems("repair"):
        weight, target_weight, s, action, reward, following, terminated, _, gamma, lr = problem
        w = weight.clone().requires_grad_()
        y = library_target(reward, terminated, following @ target_weight, discount=gamma)
        if flows:
            y = torch.where(terminated, reward, reward + gamma * (following @ w).amax(1))
        loss, _ = td_loss(s @ w, action, y, loss="mse")
        loss.backward()
        switches = {"network": "online, with gradient"} if flows else {}
        np.testing.assert_allclose(learn(*problem, **switches), (weight - lr * w.grad).numpy(), rtol=1e-9)


def tutorial() -> dict:
    """What the tutorial's text defines."""
    namespace = {"torch": torch, "random": random.Random(0)}
    exec(TUTORIAL, namespace)
    return namespace


def test_the_tutorials_update_is_the_model_with_the_faults_that_the_clinic_names():
    weight, _, s, action, _, following, _, _, gamma, lr = problems("repair")[0]
    network = torch.nn.Linear(*weight.shape, bias=False).double()
    network.weight.data.copy_(weight.T)

    def step():
        network.weight.data -= lr * network.weight.grad

    optimizer = SimpleNamespace(zero_grad=network.zero_grad, step=step)
    tutorial()["learn"](network, optimizer, s[0], int(action[0]), -1.0, following[0], gamma)
    end = torch.tensor([True])
    printed = next(v for v in find("reinforcement.repair").variants if v.id == "as_printed")
    expected = learn(weight, weight + 1, s, action, torch.ones(1), following, end, ~end, gamma, lr, **printed.switches)
    np.testing.assert_allclose(network.weight.detach().T, expected, rtol=1e-9)


def test_the_tutorial_learns_from_the_newest_transition_alone_and_takes_a_time_limit_for_a_failure():
    """Three episodes of two steps, each cut off by a time limit; every reward is 1."""
    learned, resets = [], []

    def step(action):
        env.clock += 1
        return torch.full((4,), float(env.clock)), 1.0, False, env.clock % 2 == 0, {}

    def reset(seed=None):
        resets.append(seed)
        return torch.zeros(4), {}

    env = SimpleNamespace(clock=0, step=step, reset=reset, action_space=SimpleNamespace(sample=lambda: 1))
    namespace = tutorial()
    namespace["learn"] = lambda network, optimizer, *transition: learned.append(transition)
    namespace["train"](env, torch.nn.Linear(4, 2), None, steps=6)
    assert [reward for _, _, reward, _ in learned] == [1.0, -1.0] * 3
    assert [float(after[0]) for *_, after in learned] == [1, 2, 3, 4, 5, 6]
    assert resets == [0, None, None, None]


def test_the_marks_in_the_tutorial_are_those_of_the_clinic():
    marks = re.findall(r"# ([A-Z])$", TUTORIAL, flags=re.MULTILINE)
    assert marks == sorted(clinic._RIGHT)
    assert max(map(len, TUTORIAL.splitlines())) <= 90  # a cell of a notebook shows it without scrolling


def test_a_partly_right_diagnosis_is_helped_without_being_told():
    exercise = catalogue.exercise("reinforcement.clinic")
    for letter, fault in clinic._FAULTS.items():
        card = grade(find(exercise.id), {**clinic._RIGHT, letter: "fine"}, exercise)
        assert card.misconception.startswith("overlooks_")
        assert "9 of 10 are right." in card.facts
        told = f"{card.message} {card.look_next}"
        assert not any(word in told.lower() for word in (fault, fault.replace("_", " "), f"mark {letter.lower()}"))
        assert card.number is None
    card = grade(find(exercise.id), dict.fromkeys(clinic._RIGHT, "fine"), exercise)
    assert (card.misconception, card.facts) == (None, ("5 of 10 are right.",))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_case_is_degenerate(seed):
    for name in ("td_target", "double_target"):
        batches = problems(name, seed)
        assert sum(len(batch[0]) == batch[3].shape[1] for batch in batches) <= 1
        assert all(batch[0].std() > 0.1 for batch in batches)
        _has_every_end(batches, 1)
    learned = problems("repair", seed)
    _has_every_end(learned, 6)
    assert all(len(batch[2]) != batch[0].shape[1] for batch in learned)
    assert all(len(set(batch[3].tolist())) > 1 for batch in learned[1:])
    assert all(q.shape[0] != q.shape[1] for q, *_ in problems("q_learning", seed))
    _has_every_end(problems("n_step", seed), 1)
    _has_every_end(problems("transitions", seed), 0)
    assert {len({row[2] for row in case.rows}) == len(case.rows) for case in problems("replay", seed)} == {True}
    assert {row[4] for case in problems("replay", seed) for row in case.rows} == {True, False}


def _has_every_end(problems, index) -> None:
    """Some row terminated, some was truncated, some did both, some neither."""
    terminated, truncated = (
        torch.cat([problem[place].flatten() for problem in problems]) for place in (index, index + 1)
    )
    assert {(a, b) for a, b in zip(terminated.tolist(), truncated.tolist(), strict=True)} == {
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reset_in_the_cases_never_ends_an_episode(seed):
    """As in a real environment: the flags of a row that only resets are false."""
    for terminated, truncated in problems("transitions", seed):
        kept, _ = transitions(terminated, truncated)
        assert not ((terminated | truncated).numpy() & (kept == 0)).any()


def test_cases_are_those_of_their_seed():
    first, again, other = (problems("td_target", seed)[0][3] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("transport", [direct, serializing])
def test_an_object_of_any_class_is_made_and_asked(transport):
    class Bag:
        def __init__(self, first, *, second=2):
            self.kept = [first, second]

        def put(self, tensor):
            self.kept.append(tensor)
            return len(self.kept)

        def later(self): ...

        def unwritten(self):
            return ...

    session = Session(transport(Servant(Bag, seconds=5)))
    session.make(1)
    assert session.ask("put", torch.ones(2)) == 3
    assert session.ask("put", torch.ones(2), reuse=True) == 4
    script = Script()
    script.ask("put", torch.zeros(1))
    script.ask("nothing")
    values = session.play(script)
    assert next(values) == 5
    with pytest.raises(AnswerError, match="no attribute 'nothing'"):
        next(values)
    assert session.ask("later") is None
    with pytest.raises(AnswerError) as caught:
        session.ask("unwritten")
    assert caught.value.fault.kind == "stub"
    kept = Bag(torch.ones(1))
    servant = Servant(lambda: kept, seconds=5)
    session = Session(direct(servant))
    session.make()
    session.ask("put", torch.ones(2), reuse=True)
    assert kept.kept[2].tolist() == [OVERWRITTEN] * 2


ODD = {
    "text": "W",
    "a truth value": True,
    "a huge number": -(2**2000),
    "huge numbers": [2**2000, 1],
    "complex": torch.ones(4, dtype=torch.complex64),
    "truth values": torch.ones(4, 4, dtype=torch.bool),
    "NaN": torch.full((5,), math.nan),
    "empty": torch.empty(3, 0),
    "nothing in it": [],
    "nested": [1, [2, [torch.ones(1)]]],
    "uneven": [[1.0], [2.0, 3.0]],
    "a dict": {"kept": 3},
    "an object": object(),
    "None among numbers": [1.0, None],
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_is_returned_gets_a_card(name):
    for exercise in EXERCISES:
        answer = ODD[name] if exercise.kind == "choice" else (lambda *_, **__: ODD[name])
        if exercise.kind == "class":
            answer = _replay_that_returns(ODD[name])
        card = grade(find(exercise.id), answer, exercise)
        assert not card.passed
        assert card.message
        assert repr(card)
        assert card._repr_html_()


def _replay_that_returns(value) -> type:
    class Replay:
        def __init__(self, capacity): ...

        def add(self, *row): ...

        def __len__(self):
            return value if isinstance(value, int) else 2

        def sample(self, batch_size):
            return value

    return Replay


@pytest.mark.parametrize(
    "sample",
    [
        (torch.ones(2),) * 4,
        (torch.ones(()),) * 5,
        (torch.ones(3), torch.ones(2), torch.ones(2), torch.ones(2), torch.ones(2)),
        (torch.empty(0),) * 5,
        (torch.full((150, 2), math.nan),) * 5,
        (torch.ones(150, dtype=torch.complex64),) * 5,
        ["a", "b", "c", "d", "e"],
    ],
)
def test_whatever_a_replay_gives_gets_a_card(sample):
    exercise = catalogue.exercise("reinforcement.replay")
    card = grade(find(exercise.id), _replay_that_returns(sample), exercise)
    assert not card.passed
    assert card.facts or "returns a tuple of five tensors" in card.message
    assert repr(card)


def test_an_instance_for_the_class_and_a_result_for_the_function_are_told():
    exercise = catalogue.exercise("reinforcement.replay")
    assert "class itself, without parentheses" in grade(find(exercise.id), [1], exercise).message
    exercise = catalogue.exercise("reinforcement.epsilon")
    assert "The answer is a function" in grade(find(exercise.id), 0.5, exercise).message
