"""What the lesson's experiments are made of; their numbers are claims, tested elsewhere."""

import json

import numpy as np
import pytest
import torch

from optcourse.experiments import reinforcement as experiments
from optcourse.experiments.recorded_runs import load_runs, save_runs
from optcourse.experiments.reinforcement import cartpole, checkpoints, choices, tabular, watching
from optcourse.experiments.reinforcement.tables import carried, parts_table
from optcourse.lab.records import Record, Run
from optcourse.reinforcement import BestRun, DQNRecord
from tests.reinforcement.cases import linear_network

LEANS = [[0.0, 0.0, -5.0, -1.0], [0.0, 0.0, 5.0, 1.0]]  # pushes to where the pole leans


def looks(*evaluations, every=500):
    return [
        DQNRecord(every * (i + 1), i, 0.1, 0.5, 2.0, 1.0, (), evaluation) for i, evaluation in enumerate(evaluations)
    ]


def snapshot(evaluation, weight, step=0):
    return cartpole.Snapshot(step, evaluation, linear_network(weight))


def as_best(records):
    return BestRun(tuple(records), None, None, 0, 0.0)


def test_training_goes_on_for_a_while_after_it_was_done():
    records = looks(10.0, None, 489.9, 490.0, 100.0, 500.0, 50.0, None, 9.0)
    assert [look.step for look in cartpole.until_past(records, longer=1_000)] == [500, 1000, 1500, 2000, 2500, 3000]
    assert [look.step for look in cartpole.until_past(records, longer=0)] == [500, 1000, 1500, 2000]
    assert len(list(cartpole.until_past(records[:3], longer=0))) == 3
    assert cartpole.done(as_best(records)).step == 2000
    assert cartpole.done(as_best(records[:3])) is None


def test_snapshots_are_copies_at_each_look():
    network, kept = linear_network([[0.0]]), []

    def training():
        for i, record in enumerate(looks(10.0, None, 30.0)):
            network.weight.data.fill_(float(i))
            yield record

    assert len(list(cartpole.with_snapshots(network, training(), kept))) == 3
    assert [(each.step, each.evaluation, each.network.weight.item()) for each in kept] == [
        (500, 10.0, 0.0),
        (1500, 30.0, 2.0),
    ]


def test_choices_are_asked_about_the_same_states(monkeypatch):
    """Three nets on four states: action values differ by 1 where the first number is 1, else by 0.5 of 2."""
    monkeypatch.setattr(
        choices, "visited", lambda snapshots: np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    )
    made = [
        snapshot(10.0, [[4.0, 2.0], [3.0, 1.5]], step=1),
        snapshot(20.0, [[3.0, 2.0], [4.0, 1.5]], step=2),
        snapshot(20.0, [[3.0, 1.5], [4.0, 2.0]], step=3),
    ]
    run = choices.choice_run(made, seed=5)
    assert [(look.step, look.values) for look in run.records] == [
        (2, {"gap": 0.25, "flipped": 0.75}),
        (3, {"gap": 0.25, "flipped": 0.25}),
    ]
    assert run.config["seed"] == 5


def test_states_come_from_the_looks_until_training_was_done():
    made = [snapshot(9.0, LEANS), snapshot(490.0, np.zeros((2, 4))), snapshot(500.0, LEANS)]
    episodes = [watching.watch(each.network, seed=cartpole.FRESH + number) for number, each in enumerate(made[:2])]
    states = choices.visited(made)
    assert states.dtype == np.float32
    assert len(states) == sum(episode.steps for episode in episodes)
    assert np.allclose(states[-episodes[1].steps :], episodes[1].states[:-1])
    assert choices.solved_at(made[:1]) == 0


def test_the_gap_counts_from_when_training_was_done(monkeypatch):
    made = [snapshot(value, [[0.0, 0.0, 0.0, 0.0]] * 2, step=step) for step, value in ((1, 9.0), (2, 495.0), (3, 10.0))]
    gaps = (0.4, 0.1, 0.3)
    rows = [Record(each.step, 0.0, 0.0, 0.0, values={"gap": gap}) for each, gap in zip(made, gaps, strict=True)]
    monkeypatch.setattr(choices, "trained_with_snapshots", lambda seed: (None, tuple(made)))
    monkeypatch.setattr(choices, "choice_run", lambda snapshots, seed: Run({}, tuple(rows), ""))
    assert choices.gap(0) == pytest.approx(0.2)


def test_what_was_lost_counts_from_when_it_was_done(monkeypatch):
    monkeypatch.setattr(cartpole, "trained", lambda seed: as_best(looks(9.0, 500.0, 300.0, 400.0)))
    assert (cartpole.lost(0), cartpole.solving_steps(0)) == (190.0, 1000.0)
    monkeypatch.setattr(cartpole, "trained", lambda seed: as_best(looks(9.0, 300.0)))
    assert np.isnan(cartpole.lost(0))
    assert cartpole.solving_steps(0) == np.inf


def test_looks_of_a_training_survive_a_round_trip(tmp_path):
    runs = [
        experiments.as_run(as_best(looks(5.0, None, 30.0, 20.0)), seed, {"part": "x", "done_at": None})
        for seed in (0, 1)
    ]
    assert [look.values["best"] for look in runs[0].records] == [5.0, 30.0, 30.0]
    save_runs(tmp_path / "runs.json", runs, code="", command="", versions={}, whole=True)
    back = load_runs(tmp_path / "runs.json")
    assert [run.config["seed"] for run in back] == [0, 1]
    for one, other in zip(runs, back, strict=True):
        assert [(a.step, a.loss, a.values) for a in one.records] == [(b.step, b.loss, b.values) for b in other.records]


def part(name, seed, done_at, *best):
    rows = tuple(Record(2_000 * (i + 1) + i, 0.0, 0.0, 0.0, values={"best": value}) for i, value in enumerate(best))
    return Run({"part": name, "seed": seed, "done_at": done_at}, rows, "CartPole-v1")


def test_table_of_parts():
    runs = [
        part("a", 0, 6000, 10.0, 499.0),
        part("a", 1, 2000, 495.0),
        part("a", 2, None, 8.0, 9.0),
        part("b", 0, None, 7.0),
    ]
    first, second = parts_table(runs).rows
    assert first.cells == ("a", "2 of 3", "4,000 [2,000, 6,000]", "495 [9, 499]")
    assert second.cells == ("b", "0 of 1", "", "7 [7, 7]")
    assert "4,000 [2,000, 6,000]" in repr(parts_table(runs))
    assert "<td" in parts_table(runs)._repr_html_()
    with pytest.raises(ValueError, match="at least one run"):
        parts_table([])


def test_last_look_is_carried_on():
    """Looks after 2,000, 4,001 and 6,002 steps."""
    long, short = carried([part("a", 0, None, 10.0, 20.0, 30.0), part("a", 1, 2000, 495.0)])
    assert (
        [look.step for look in long.records] == [look.step for look in short.records] == list(range(2000, 6001, 1000))
    )
    assert [look.values["best"] for look in long.records] == [10.0, 10.0, 20.0, 20.0, 30.0]
    assert [look.values["best"] for look in short.records] == [495.0] * 5


def test_merged_ends_take_value_away():
    whole, merged = (tabular.learned(0, merged=merged, steps=1_500)[-1] for merged in (False, True))
    best = tabular.chain_values(tabular.LENGTH, gamma=tabular.GAMMA)
    assert np.abs(whole - best).max() < 1e-12
    assert (merged[:-1] < best[:-1] - 1e-3).any()
    assert tabular.table_run(0, slip=0.2, steps=50).records[0].step == 0


def test_an_episode_is_what_gymnasium_plays():
    policy = linear_network(LEANS)
    episode = watching.watch(policy, seed=3)
    again = watching.watch(policy, seed=3)
    assert np.array_equal(episode.states, again.states)
    assert episode.states.shape == (episode.steps + 1, 4)
    assert episode.terminated != episode.truncated
    fallen = watching.watch(linear_network(np.zeros((2, 4)), [1.0, 0.0]), seed=3)
    assert fallen.terminated
    assert (fallen.actions == 0).all()
    assert abs(fallen.states[-1, 2]) > np.radians(12) >= abs(fallen.states[-2, 2])


def test_a_push_moves_the_pole():
    policy = linear_network(LEANS)
    calm, pushed = (watching.watch(policy, seed=3, push=push) for push in (0.0, 1.0))
    at = watching.PUSH_AT
    assert calm.steps > at
    assert np.array_equal(calm.states[: at + 1], pushed.states[: at + 1])
    turned = pushed.states[at + 1, 3] - calm.states[at + 1, 3]
    assert 0.5 < turned < 1.5 or (pushed.actions[at] != calm.actions[at])


def test_policies_that_ship():
    """In order, light, without pickle, and the best one is what a solved task is."""
    shipped = checkpoints.policies()
    assert [policy.step for policy in shipped] == sorted({policy.step for policy in shipped})
    assert len(shipped) >= 4
    index = json.loads(checkpoints.INDEX.read_text(encoding="utf-8"))
    assert index["command"] == "python -m optcourse.experiments.reinforcement"
    for row in index["files"]:
        path = checkpoints.FOLDER / row["file"]
        assert path.stat().st_size < 150_000
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype == np.float16 for name in arrays.files)
    best = max(shipped, key=lambda policy: policy.mean_return)
    assert shipped[0].mean_return < 250 < 475 <= best.mean_return
    assert min(policy.mean_return for policy in shipped if policy.step > best.step) < best.mean_return
    assert watching.watch(best.network, seed=77).steps > 400
    assert not any(parameter.requires_grad for parameter in best.network.parameters())


def test_which_looks_ship():
    assert checkpoints.chosen([9.0, 50, 90, 120, 100, 200, 150, 180, 495.0, 480, 100, 300]) == [0, 2, 4, 6, 8, 10, 11]
    assert checkpoints.chosen([495.0, 500.0]) == [0, 1]
    assert torch.is_grad_enabled()
