"""The clinic: a loop as tutorials print it, with five faults to be found, and its update to be mended."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.checks.reinforcement.shared import (
    ENDS,
    FLAGS_AS_TENSORS,
    GAMMAS,
    MAX_AS_A_PAIR,
    REWARD_LOST,
    flags,
    numbers_check,
    survives,
    target,
)
from optcourse.grading.definitions import (
    CONVENTION,
    Behaviour,
    Case,
    Result,
    Tolerance,
    Variant,
    compare,
    observe,
)
from optcourse.grading.drawing import Numbers, array
from optcourse.grading.kinds import choice_check

TUTORIAL = """\
def learn(network, optimizer, observation, action, reward, next_observation, gamma=0.99):
    prediction = network(torch.as_tensor(observation))[action]                      # A
    future = network(torch.as_tensor(next_observation)).max()                       # B
    target = reward + gamma * future                                                # C
    loss = (target - prediction) ** 2                                               # D
    optimizer.zero_grad()                                                           # E
    loss.backward()
    optimizer.step()


def train(env, network, optimizer, steps=40_000):
    observation, _ = env.reset(seed=0)
    for step in range(steps):
        epsilon = max(0.04, 1.0 - 0.96 * step / 8_000)                              # F
        best = network(torch.as_tensor(observation)).argmax().item()                # G
        action = env.action_space.sample() if random.random() < epsilon else best
        next_observation, reward, terminated, truncated, _ = env.step(action)
        if terminated or truncated:                                                 # H
            reward = -1.0
        learn(network, optimizer, observation, action, reward, next_observation)    # I
        observation = next_observation
        if terminated or truncated:                                                 # J
            observation, _ = env.reset()
"""

FINE = "fine"
_FAULTS = {
    "B": "no_target_network",
    "C": "bootstraps_on_terminated",
    "D": "gradient_through_target",
    "H": "truncated_as_terminated",
    "I": "no_replay",
}
_ABSENT = ("epsilon_by_episode", "gradients_accumulate", "max_over_wrong_axis")
_DECOYS = {
    "A": "it takes the value of the action that was done, from the network that is trained.",
    "E": "gradients of the update before are set to zero before new ones are made.",
    "F": "epsilon falls along a line in steps, and stays at 0.04 after it.",
    "G": "acting greedily with the network of this moment is what Q-learning does; no gradient is asked of it.",
    "J": "whatever ended the episode, the environment has to be reset before it is stepped again.",
}
_RIGHT = dict.fromkeys("ABCDEFGHIJ", FINE) | _FAULTS
_HINTS = {
    "overlooks_an_end": ("CH", "What does each of the two flags mean for the value of what comes next?"),
    "overlooks_the_target": (
        "BD",
        "Which weights does the target depend on, and what does `backward()` do with that?",
    ),
    "overlooks_the_data": ("I", "How much alike are two transitions that are learned from one after the other?"),
}

CLINIC_ADVICE = "Ask four questions: what is learned from, what makes the target, what is differentiated, what ends?"


def _overlooked() -> list[Variant]:
    """One fault missed, or both of a kind: a question that leads there, without its name."""
    return [
        Variant(
            id,
            dict.fromkeys(missed, FINE),
            f"You let {'one fault' if len(missed) == 1 else 'two faults'} pass.",
            hint,
        )
        for id, (letters, hint) in _HINTS.items()
        for missed in (*letters, *([letters] if len(letters) > 1 else []))
    ]


def _accused() -> list[Variant]:
    """A mark where nothing is wrong."""
    return [
        Variant(
            f"accuses_{letter}",
            {letter: fault},
            f"Nothing is wrong at mark {letter}: {why}",
            CLINIC_ADVICE,
        )
        for letter, why in _DECOYS.items()
        for fault in (*_FAULTS.values(), *_ABSENT)
    ]


def _mistaken() -> list[Variant]:
    """A mark that is at fault, but for another reason; and two that are exchanged."""
    return [
        Variant(
            "another_fault_stands_there",
            {letter: other},
            f"Mark {letter} is at fault, but not for what you say.",
            CLINIC_ADVICE,
        )
        for letter, right in _FAULTS.items()
        for other in (*_FAULTS.values(), *_ABSENT)
        if other != right
    ] + [
        Variant(
            "two_faults_exchanged",
            {first: _FAULTS[second], second: _FAULTS[first]},
            "All five faults are found, but two of them stand at each other's marks.",
            "Which of the two marks would you change, to mend the one and not the other?",
        )
        for first, second in combinations(_FAULTS, 2)
    ]


CLINIC = choice_check(
    "reinforcement.clinic",
    _RIGHT,
    (FINE, *sorted((*_FAULTS.values(), *_ABSENT))),
    variants=(*_overlooked(), *_accused(), *_mistaken()),
    look_next=CLINIC_ADVICE,
    praise="Right: you found all five, and left alone what was fine.",
)


REPAIR_ADVICE = "Four lines: predictions of the actions done, targets without gradient, mean square, one step down."


def learn(
    weight: Tensor,
    target_weight: Tensor,
    observation: Tensor,
    action: Tensor,
    reward: Tensor,
    next_observation: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lr: float,
    **switches: str,
) -> np.ndarray:
    """The weight after one step; the switches say which mistake is made at each place."""
    online, slow, s, following = (array(x) for x in (weight, target_weight, observation, next_observation))
    rows, done = np.arange(len(s)), action.numpy()
    network = switches.get("network", "target")
    next_q = following @ (slow if network == "target" else online)
    best = next_q.argmax(axis=1)
    future = next_q.mean(axis=1) if switches.get("future") == "mean" else next_q[rows, best]
    goes_on = survives(terminated, truncated, "no end")
    punished = {"none": rows < 0, "given": ~goes_on, "given if terminated": terminated.numpy()}
    gain = np.where(punished[switches.get("penalty", "none")], -1.0, array(reward))
    y = target(gain, future, terminated, truncated, gamma, switches)
    if switches.get("predicted") == "best":
        done = (s @ online).argmax(axis=1)
    q = (s @ online)[rows, done]
    crossed = switches.get("pairs") == "all"  # the mean over all pairs of a prediction and a target
    error, error_of_target = (q - y.mean(), q.mean() - y) if crossed else (q - y, q - y)
    gradient = np.zeros((len(s), *online.shape))
    slopes = np.clip(error, -1, 1) if switches.get("loss") == "Huber's" else 2 * error
    gradient[rows, :, done] += slopes[:, None] * s
    if switches.get("predicted") == "all":
        gradient = 2 * s[:, :, None] * (s @ online - y[:, None])[:, None, :] / online.shape[1]
    if network == "online, with gradient":
        ones = np.ones(len(s))
        slope = target(0 * ones, ones, terminated, truncated, gamma, switches)  # of y, in the future
        gradient[rows, :, best] -= 2 * (error_of_target * slope)[:, None] * following
    total = {
        "mean": lambda: gradient.mean(axis=0),
        "sum": lambda: gradient.sum(axis=0),
        "first": lambda: gradient[0],
        "last": lambda: gradient[-1],
        "half": lambda: gradient.mean(axis=0) / 2,
    }[switches.get("batch", "mean")]()
    return {
        "step down": lambda: online - lr * total,
        "step up": lambda: online + lr * total,
        "lr forgotten": lambda: online - total,
        "gradient": lambda: total,
        "of target": lambda: slow - lr * total,
    }[switches.get("step", "step down")]()


_REPAIR_VARIANTS = (
    Variant(
        "as_printed",
        {"network": "online, with gradient", "ends": "always", "penalty": "given"},
        "This is the tutorial's update on a whole batch: the four faults beside the missing replay are still in it.",
        "Take them one at a time: which weights make the target, does a gradient flow into it, and what do ends mean?",
    ),
    *ENDS,
    REWARD_LOST,
    *GAMMAS,
    *(
        Variant(id, {"network": kind}, message, advice)
        for id, kind, message, advice in (
            (
                "no_target_network",
                "online",
                "The target is made with `weight`, the one that is trained: each step moves what it aims at.",
                "`next_observation @ target_weight`",
            ),
            (
                "gradient_through_target",
                "online, with gradient",
                "The target is made with `weight`, and the gradient flows through it: the step changes the target to "
                "suit the prediction, as much as the other way round.",
                "Make the target with `target_weight`, and under `torch.no_grad()`.",
            ),
        )
    ),
    Variant(
        "column_beside_a_row",
        {"pairs": "all"},
        "The predictions have shape (B, 1) and the targets (B,): the difference is a matrix of all pairs, and every "
        "prediction is pulled to the mean of all targets. No error tells you.",
        "`gather(1, ...)` keeps its axis: take it away with `squeeze(1)`.",
    ),
    Variant("mean_for_max", {"future": "mean"}, "The actions of the next state are averaged.", "`.max(dim=1).values`"),
    *(
        Variant(
            "penalty_at_ends",
            {"penalty": kind},
            f"The reward is replaced by -1 {where}. The rewards are those of the environment.",
            "What makes an end bad is that no reward follows it; the target says so already.",
        )
        for kind, where in (
            ("given", "at every end, by the time limit too"),
            ("given if terminated", "where the task terminated"),
        )
    ),
    Variant(
        "huber_for_square",
        {"loss": "Huber's"},
        "The loss is Huber's (`smooth_l1_loss`): large errors count as errors of 1. Asked for is the mean square.",
        "`((target - prediction) ** 2).mean()`, or `mse_loss`",
    ),
    Variant(
        "best_action_trained",
        {"predicted": "best"},
        "The prediction is the value of the best action. The reward came from the action that was done.",
        "`gather(1, action.unsqueeze(1)).squeeze(1)`",
    ),
    Variant(
        "all_actions_trained",
        {"predicted": "all"},
        "The values of all actions are drawn towards the target. It tells of one of them, the one that was done.",
        "`gather(1, action.unsqueeze(1)).squeeze(1)`",
    ),
    *(
        Variant(id, {"batch": kind}, message, "The loss is the mean over all rows of the batch.")
        for id, kind, message in (
            ("sum_for_mean", "sum", "The squared errors are added over the batch; asked for is their mean."),
            ("learns_from_one_row", "first", "Only the first row of the batch is learned from."),
            ("learns_from_one_row", "last", "Only the last row of the batch is learned from."),
        )
    ),
    Variant(
        "half_the_square",
        {"batch": "half"},
        "Right for the loss with a factor 1/2 before the square, as some texts have it. The two are equal when lr is "
        "doubled. Asked for is the mean of the squares.",
        "The derivative of the square brings a 2 with it.",
        kind=CONVENTION,
    ),
    *(
        Variant(id, {"step": kind}, message, "weight - lr * gradient")
        for id, kind, message in (
            ("climbs", "step up", "The weight moves up the gradient: the errors grow."),
            ("lr_forgotten", "lr forgotten", "The gradient is subtracted as it is, without lr."),
            ("returns_the_gradient", "gradient", "The gradient is returned; asked for is the weight after the step."),
            ("target_network_trained", "of target", "The step is made from `target_weight`, which stays as it is."),
        )
    ),
)


def _max_over_rows(results: Sequence[Result]) -> str | None:
    """One row gives one value an action, which the mean square averages; of more rows and other actions it stops."""
    one = results[0]
    [averaged] = observe("the result", torch.from_numpy(learn(*one.case.problem, future="mean")))
    same = bool(one.observed) and compare(one.observed[0], averaged, Tolerance(1e-5, 1e-6)) is None
    for result in results:
        if same and result.fault is not None and "must match the size of tensor" in result.fault.message:
            return f'It stops in the case "{result.case.name}".'
    return None


MAX_OVER_ROWS = Behaviour(
    "max_over_wrong_axis",
    _max_over_rows,
    "The maximum is taken over the rows: one number an action instead of one a transition.",
    "`next_observation @ target_weight` has a row for each transition: `.max(dim=1).values`",
    explains_numbers=True,
)


def _cases(seed: int) -> Sequence[Case]:
    numbers = Numbers("reinforcement.repair", seed)

    def problem(rows: int, features: int, actions: int, ends: Sequence[str] = ()):
        weight, target_weight = (numbers.normal(features, actions) + 0.3 for _ in range(2))
        action = numbers.uniform(rows).mul(actions).long()
        action[-1] = (action[0] + 1) % actions
        following = numbers.normal(rows, features)
        terminated, truncated = flags(numbers, rows, ends)
        settings = numbers.between(0.6, 0.9), numbers.between(0.2, 0.4)
        reward = numbers.uniform(rows) * 2 + 0.5
        batch = numbers.normal(rows, features), action, reward, following, terminated, truncated
        return weight, target_weight, *batch, *settings

    return (
        Case("one row", problem(1, 3, 2)),
        Case("a batch without ends", problem(6, 4, 3)),
        Case("a terminated row", problem(5, 3, 2, ["terminated"])),
        Case("a truncated row", problem(5, 4, 2, ["truncated"])),
        Case("ends of every kind", problem(8, 3, 4, ["terminated", "truncated", "both", "truncated"])),
    )


REPAIR = numbers_check(
    "reinforcement.repair",
    _cases,
    learn,
    variants=_REPAIR_VARIANTS,
    behaviours=(*FLAGS_AS_TENSORS, MAX_AS_A_PAIR, MAX_OVER_ROWS),
    look_next=REPAIR_ADVICE,
    praise="Right: the update is mended. A replay that hands it batches mends the fifth fault.",
)
