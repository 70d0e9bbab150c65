"""Answers to the two exercises of the clinic."""

from tests.grading.wrong_answers.from_text import answers
from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, VALID, WRONG, Answer
from tests.grading.wrong_answers.reinforcement.common import ends

_CLINIC = "reinforcement.clinic"
FAULTS = {
    "B": "no_target_network",
    "C": "bootstraps_on_terminated",
    "D": "gradient_through_target",
    "H": "truncated_as_terminated",
    "I": "no_replay",
}
RIGHT = dict.fromkeys("ABCDEFGHIJ", "fine") | FAULTS


def _clinic(name: str, misconception: str, **changed: str) -> Answer:
    return Answer(_CLINIC, name, WRONG, {**RIGHT, **changed}, misconception)


_CHOICES = [
    Answer(_CLINIC, "all five", SOLUTION, RIGHT, None, "passed"),
    Answer(_CLINIC, "capitals", VALID, {mark: f" {choice.upper()}" for mark, choice in RIGHT.items()}, None, "passed"),
    Answer(_CLINIC, "other order", VALID, dict(reversed(RIGHT.items())), None, "passed"),
    Answer(_CLINIC, "a dict made of pairs", VALID, dict(list(RIGHT.items())), None, "passed"),
    Answer(_CLINIC, "all ...", STUB, dict.fromkeys(RIGHT, ...), None, "not attempted"),
    Answer(_CLINIC, "...", STUB, ..., None, "not attempted"),
    _clinic("an end missed", "overlooks_an_end", C="fine"),
    _clinic("the other end missed", "overlooks_an_end", H="fine"),
    _clinic("both ends missed", "overlooks_an_end", C="fine", H="fine"),
    _clinic("the target network missed", "overlooks_the_target", B="fine"),
    _clinic("the gradient missed", "overlooks_the_target", D="fine"),
    _clinic("both of the target missed", "overlooks_the_target", B="fine", D="fine"),
    _clinic("the replay missed", "overlooks_the_data", I="fine"),
    _clinic("replay and gradient missed", "overlooks_the_data+overlooks_the_target", I="fine", D="fine"),
    _clinic("the prediction accused", "accuses_A", A="max_over_wrong_axis"),
    _clinic("zero_grad accused", "accuses_E", E="gradients_accumulate"),
    _clinic("epsilon accused", "accuses_F", F="epsilon_by_episode"),
    _clinic("acting accused", "accuses_G", G="no_target_network"),
    _clinic("the reset accused", "accuses_J", J="truncated_as_terminated"),
    _clinic("the reset for the penalty", "accuses_J+overlooks_an_end", J="truncated_as_terminated", H="fine"),
    _clinic("two decoys", "accuses_E+accuses_F", E="gradients_accumulate", F="epsilon_by_episode"),
    _clinic("an axis", "another_fault_stands_there", B="max_over_wrong_axis"),
    _clinic("one fault twice", "another_fault_stands_there", D="no_target_network"),
    _clinic("two exchanged", "two_faults_exchanged", B="gradient_through_target", D="no_target_network"),
    _clinic("the ends exchanged", "two_faults_exchanged", C="truncated_as_terminated", H="bootstraps_on_terminated"),
    Answer(_CLINIC, "nothing found", UNLISTED, dict.fromkeys(RIGHT, "fine")),
    Answer(_CLINIC, "one name for all", UNLISTED, dict.fromkeys(RIGHT, "no_replay")),
    Answer(_CLINIC, "no such fault", UNLISTED, {**RIGHT, "A": "too slow"}, None, "error"),
    Answer(_CLINIC, "a mark left out", UNLISTED, FAULTS, None, "error"),
    Answer(_CLINIC, "a list", UNLISTED, list(RIGHT.values()), None, "error"),
]

SOURCE = """
def learn(weight, target_weight, observation, action, reward, next_observation, terminated, truncated, gamma, lr):
    weight = weight.clone().requires_grad_()
    with torch.no_grad():
        future = (next_observation @ target_weight).max(dim=1).values
        target = reward + gamma * ~terminated * future
    prediction = (observation @ weight).gather(1, action.unsqueeze(1)).squeeze(1)
    mean_square = ((target - prediction) ** 2).mean()
    mean_square.backward()
    return weight.detach() - lr * weight.grad
"""

_HEAD = """
def learn(weight, target_weight, observation, action, reward, next_observation, terminated, truncated, gamma, lr):
"""

_VALID = [
    (
        "in place, with torch's loss",
        _HEAD
        + """
    weight.requires_grad_()
    q = (observation @ weight)[torch.arange(len(action)), action]
    y = torch.where(terminated, reward, reward + gamma * (next_observation @ target_weight).amax(1))
    torch.nn.functional.mse_loss(q, y).backward()
    weight.data -= lr * weight.grad
    return weight
""",
    ),
    (
        "by hand",
        _HEAD
        + """
    best, _ = torch.max(next_observation @ target_weight, 1)
    best[terminated] = 0
    hot = torch.nn.functional.one_hot(action, weight.shape[1])
    error = ((observation @ weight) * hot).sum(1) - (reward + gamma * best)
    return weight - lr * 2 / len(action) * observation.T @ (hot * error[:, None])
""",
    ),
    (
        "row by row in numpy",
        _HEAD
        + """
    w, old = weight.numpy().copy(), weight.numpy()
    for i, a in enumerate(action.tolist()):
        y = reward[i].item()
        if not terminated[i]:
            y += gamma * np.max(next_observation[i].numpy() @ target_weight.numpy())
        s = observation[i].numpy()
        w[:, a] += lr * 2 * (y - s @ old[:, a]) * s / len(action)
    return w
""",
    ),
    (
        "by autograd.grad",
        _HEAD
        + """
    w = weight.detach().requires_grad_(True)
    q = torch.einsum("bf,fa->ba", observation, w)
    y = reward + (1.0 - terminated.double()) * gamma * (next_observation @ target_weight).max(1)[0]
    loss = (q.take_along_dim(action[:, None], 1)[:, 0] - y).square().mean()
    (gradient,) = torch.autograd.grad(loss, w)
    return w - lr * gradient
""",
    ),
]

_NETWORK = "next_observation @ target_weight"
_GATHER = ".gather(1, action.unsqueeze(1)).squeeze(1)"
_NO_GRAD = "with torch.no_grad():"
_TARGET = "reward + gamma * ~terminated * future"
_LOSS = "((target - prediction) ** 2).mean()"
_STEP = "weight.detach() - lr * weight.grad"
_FLOWS = ((_NETWORK, "next_observation @ weight"), (_NO_GRAD, "if True:"))
_PENALTY = (
    "    with torch.no_grad():",
    "    reward = torch.where(terminated | truncated, -1.0, reward)\n    with torch.no_grad():",
)

_WRONG = [
    (
        "as_printed",
        "the tutorial's lines",
        _PENALTY,
        *_FLOWS,
        ("~terminated * ", ""),
    ),
    *ends("~terminated"),
    ("reward_lost_at_the_end", "mask around all", (_TARGET, "(reward + gamma * future) * ~terminated")),
    ("gamma_forgotten", "no gamma", ("gamma * ~", "1.0 * ~")),
    ("gamma_on_the_reward", "gamma at the reward", (_TARGET, "gamma * reward + ~terminated * future")),
    ("gamma_on_the_reward", "gamma at both", (_TARGET, "gamma * (reward + ~terminated * future)")),
    ("subtracts_flags", "1 - terminated", ("~terminated", "(1 - terminated)")),
    ("asks_all_flags_at_once", "if terminated", (_TARGET, "reward if terminated else reward + gamma * future")),
    ("no_target_network", "weight for both", (_NETWORK, "next_observation @ weight")),
    ("no_target_network", "detached by hand", *_FLOWS, ("(target - prediction)", "(target.detach() - prediction)")),
    ("gradient_through_target", "as in the tutorial", *_FLOWS),
    ("column_beside_a_row", "no squeeze", (".squeeze(1)", "")),
    ("column_beside_a_row+gradient_through_target", "no squeeze, and a gradient", (".squeeze(1)", ""), *_FLOWS),
    ("mean_for_max", "mean", (".max(dim=1).values", ".mean(dim=1)")),
    ("penalty_at_ends", "-1 at ends", _PENALTY),
    ("penalty_at_ends", "-1 where it terminated", (_PENALTY[0], _PENALTY[1].replace(" | truncated", ""))),
    ("max_over_wrong_axis", "axis 0", (".max(dim=1)", ".max(dim=0)")),
    ("max_as_a_pair", "max without values", (".max(dim=1).values", ".max(dim=1)")),
    ("huber_for_square", "smooth L1", (_LOSS, "torch.nn.functional.smooth_l1_loss(prediction, target)")),
    ("best_action_trained", "max for gather", (_GATHER, ".max(dim=1).values")),
    (
        "all_actions_trained",
        "no gather",
        (_GATHER, ""),
        ("(target - prediction)", "(target.unsqueeze(1) - prediction)"),
    ),
    ("sum_for_mean", "sum", (".mean()", ".sum()")),
    ("learns_from_one_row", "the first", (_LOSS, "(target[0] - prediction[0]) ** 2")),
    ("learns_from_one_row", "the last", (_LOSS, "((target - prediction) ** 2)[-1]")),
    ("≈half_the_square", "a half", (_LOSS, f"0.5 * {_LOSS}")),
    ("climbs", "plus", (_STEP, "weight.detach() + lr * weight.grad")),
    ("climbs", "the loss turned round", (_LOSS, f"-{_LOSS}")),
    ("lr_forgotten", "no lr", (_STEP, "weight.detach() - weight.grad")),
    ("returns_the_gradient", "the gradient", (_STEP, "weight.grad")),
    ("target_network_trained", "the other weight", (_STEP, "target_weight - lr * weight.grad")),
    ("nothing_returned", "no return", ("return ", "weight = ")),
    ("bootstraps_on_terminated+gradient_through_target", "two left", *_FLOWS, ("~terminated * ", "")),
    (
        "no_target_network+stops_at_truncated",
        "two others",
        (_NETWORK, "next_observation @ weight"),
        ("~terminated", "~(terminated | truncated)"),
    ),
    ("bootstraps_on_terminated+penalty_at_ends", "ends as printed", _PENALTY, ("~terminated * ", "")),
]

_UNLISTED = [
    ("failed", "every action moved", (".gather(1, action.unsqueeze(1)).squeeze(1)", ".mean(dim=1)")),
    ("failed", "absolute errors", ("(target - prediction) ** 2", "(target - prediction).abs()")),
    ("failed", "the weight as it was", (_STEP, "weight.detach()")),
    ("error", "predicts with the target network", ("(observation @ weight)", "(observation @ target_weight)")),
    ("error", "misspelled", (".gather(", ".gathers(")),
]

ANSWERS = [
    *_CHOICES,
    *answers("reinforcement.repair", SOURCE, valid=_VALID, wrong=_WRONG, unlisted=_UNLISTED),
]
