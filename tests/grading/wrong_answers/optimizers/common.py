"""What the answers to the optimizer exercises share: the given base class, mistakes of the loop, wrong kinds."""

import collections
from collections.abc import Iterable, Sequence

import torch

from tests.grading.wrong_answers.learner import SOLUTION, STUB, UNLISTED, WRONG, Answer, edited, run

HEAD = '''
class Given:
    """What the exercise gives: param_groups, a state for each parameter, zero_grad()."""

    def __init__(self, params, **options):
        groups = list(params)
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups = [{**options, **group, "params": list(group["params"])} for group in groups]
        self.state = collections.defaultdict(dict)

    def zero_grad(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None
'''

Edits = Sequence[tuple[str, str]]
Row = tuple[str | None, str, Edits] | tuple[str | None, str, Edits, str]


def build(source: str, *changes: tuple[str, str]) -> type:
    """The learner's class `Optimizer` from its source, with lines changed."""
    return run(edited(HEAD + source, *changes), "Optimizer", torch=torch, collections=collections)


def answers(
    exercise: str, source: str, wrong: Iterable[Row], unlisted: Iterable[tuple[str, Edits] | tuple[str, Edits, str]]
) -> list[Answer]:
    """Solution, stub, mistakes of this exercise and of the loop, unlisted mistakes.

    Args:
        source: of the solution.
        wrong: (misconception, name, changes to the source[, status]).
        unlisted: (name, changes[, status]).
    """
    stub = edited(source, (f"{_STEP}(self):\n", f"{_STEP}(self):\n        raise NotImplementedError\n"))
    rows = [
        Answer(exercise, "the solution", SOLUTION, build(source), None, "passed"),
        Answer(exercise, "the stub", STUB, build(stub), None, "not attempted"),
        Answer(exercise, "nothing", STUB, ..., None, "not attempted"),
        *loop_mistakes(exercise, source),
    ]
    for misconception, name, changes, *status in wrong:
        rows.append(
            Answer(exercise, name, WRONG, build(source, *changes), misconception, status[0] if status else "failed")
        )
    for name, changes, *status in unlisted:
        rows.append(Answer(exercise, name, UNLISTED, build(source, *changes), None, status[0] if status else "failed"))
    return rows


_SKIP = """                if g is None:
                    continue
"""
_MOVE = "                p -= "
_STEP = "    @torch.no_grad()\n    def step"
_LOOP = "        for group in self.param_groups:\n"
_GROUPS = """        groups = list(params)
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
"""


def loop_mistakes(exercise: str, source: str) -> list[Answer]:
    """Mistakes that can be made around any formula, as changes to the right source."""
    last = source.rstrip().splitlines()[-1]

    def after(line: str) -> tuple[str, str]:
        return last, f"{last}\n{' ' * 16}{line}"

    def before(line: str) -> tuple[str, str]:
        return _SKIP, f"{_SKIP}{' ' * 16}{line}\n"

    def without_gradient(line: str) -> tuple[str, str]:
        return _SKIP, _SKIP.replace("continue", line)

    rows: list[tuple[str, str, Edits]] = [
        ("crashes_on_none_gradient", "no test for None", [(_SKIP, "")]),
        ("stops_at_none_gradient", "break at None", [without_gradient("break")]),
        ("stops_at_none_gradient", "return at None", [without_gradient("return")]),
        ("decays_without_gradient", "None as zeros", [without_gradient("g = torch.zeros_like(p)")]),
        (
            "decays_without_gradient+invents_gradient",
            "writes zeros where None",
            [without_gradient("g = p.grad = torch.zeros_like(p)")],
        ),
        ("sign_flipped", "climbs", [(_MOVE, "                p += ")]),
        ("mutates_gradient", "scales the gradient at the end", [after("g.mul_(0.5)")]),
        ("mutates_gradient", "squares the gradient at the end", [after("p.grad **= 2")]),
        ("stops_autograd", "requires_grad off", [after("p.requires_grad_(False)")]),
        (
            "stops_autograd",
            "gradients off for all",
            [(_STEP, "    def step"), (_LOOP, f"        torch.set_grad_enabled(False)\n{_LOOP}")],
        ),
        ("clears_gradient", "sets the gradient to None", [after("p.grad = None")]),
        ("clears_gradient", "zeroes the gradient", [after("p.grad.zero_()")]),
        ("hidden_clamp", "cuts the gradient to 1", [before("g = g.clamp(-1, 1)")]),
        ("hidden_clamp", "cuts the gradient to 0.25", [before("g = g.clip(-0.25, 0.25)")]),
        ("hidden_clamp", "shortens the gradient", [before("g = g * min(1.0, 1.0 / (float(g.norm()) + 1e-6))")]),
        (
            "hidden_clamp",
            "shortens all gradients together",
            [
                (
                    _LOOP,
                    "        parts = [p.grad for group in self.param_groups for p in group['params']]\n"
                    "        total = float(sum((g**2).sum() for g in parts if g is not None)) ** 0.5\n" + _LOOP,
                ),
                before("g = g * min(1.0, 0.5 / (total + 1e-6))"),
            ],
        ),
        ("hidden_clamp", "keeps parameters in [-1, 1]", [after("p.clamp_(-1, 1)")]),
        ("hidden_clamp", "keeps parameters above -3", [after("p.clamp_(min=-3)")]),
        (
            "hidden_clamp",
            "cuts the update to 0.05",
            [
                (_MOVE, f"                before = p.clone()\n{_MOVE}"),
                after("p.copy_(before + (p - before).clamp(-0.05, 0.05))"),
            ],
        ),
        ("never_updates", "moves a copy", [before("p = p.clone()")]),
        (
            "exhausts_generator",
            "keeps the generator",
            [
                (
                    _GROUPS,
                    "        of_dicts = isinstance(params, list) and isinstance(params[0], dict)\n"
                    '        groups = params if of_dicts else [{"params": params}]\n',
                ),
                ('list(group["params"])', 'group["params"]'),
            ],
        ),
        (
            "zero_grad_does_nothing",
            "zero_grad is empty",
            [("                p.grad = None\n", "                pass\n")],
        ),
        (
            "zero_grad_fails",
            "zero_grad crashes",
            [("                p.grad = None\n", "                self.p.grad = None\n")],
        ),
        (
            "ignores_groups",
            "options of the first group for all",
            [(_LOOP, f"{_LOOP}            group = {{**self.param_groups[0], 'params': group['params']}}\n")],
        ),
        ("ignores_groups", "the first group alone", [(_LOOP, "        for group in self.param_groups[:1]:\n")]),
        (
            "ignores_groups",
            "options as they were constructed",
            [
                (_LOOP, "        for group in self.made:\n"),
                (f"\n{_STEP}", f"        self.made = [dict(group) for group in self.param_groups]\n\n{_STEP}"),
            ],
        ),
        ("ignores_groups", "no param_groups at all", [("self.param_groups", "self.groups")]),
    ]
    if "self.state[p]" in source:
        rows.append(("shared_state", "one state for all", [("self.state[p]", "self.state['all']")]))
        rows.append(("state_reset", "a new state in every step", [("self.state[p]", "{}")]))
    return [Answer(exercise, name, WRONG, build(source, *changes), id) for id, name, changes in rows]
