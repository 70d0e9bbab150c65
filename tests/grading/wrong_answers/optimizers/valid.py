"""Other right answers: each formula in another order, in four styles; torch's own and the course's own classes."""

from collections.abc import Callable
from typing import Any

import torch

from optcourse import optimizers
from tests.grading.wrong_answers.learner import VALID, Answer, run
from tests.grading.wrong_answers.optimizers.common import HEAD

Given = run(HEAD, "Given", torch=torch, collections=__import__("collections"))
Formula = Callable[[torch.Tensor, torch.Tensor, dict, dict], torch.Tensor]


def momentum(theta, g, s, o):
    s["v"] = o["momentum"] * s["v"] - g if "v" in s else -g
    return theta + s["v"] * o["lr"]


def nesterov(theta, g, s, o):
    mu = o["momentum"]
    s["v"] = torch.add(g, s["v"], alpha=mu) if "v" in s else g.clone()
    return theta - o["lr"] * g - o["lr"] * mu * s["v"]


def rmsprop(theta, g, s, o):
    v = s.setdefault("v", torch.zeros_like(g))
    v += (1 - o["alpha"]) * (g.square() - v)
    return torch.addcdiv(theta, g, v.sqrt().add_(o["eps"]), value=-o["lr"])


def adam(theta, g, s, o):
    (b1, b2), t = o["betas"], s.get("t", 0) + 1
    m = torch.lerp(s.get("m", torch.zeros_like(g)), g, 1 - b1)
    v = torch.lerp(s.get("v", torch.zeros_like(g)), g.square(), 1 - b2)
    s.update(t=t, m=m, v=v)
    scale = (1 - b2**t) ** 0.5
    return theta - (o["lr"] * scale / (1 - b1**t)) * m / (v.sqrt() + o["eps"] * scale)


def adamw(theta, g, s, o):
    return adam(theta, g, s, o) - o["lr"] * o["weight_decay"] * theta


def in_place(formula: Formula) -> type:
    """State beside the parameter, results copied back."""

    class InPlace(Given):
        def __init__(self, params, **options):
            super().__init__(params, **options)

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in (p for p in group["params"] if p.grad is not None):
                    p.copy_(formula(p, p.grad, self.state[p], group))

    return InPlace


def functional(formula: Formula) -> type:
    """State in a dict by position; parameters through .data."""

    class Functional(Given):
        def __init__(self, params, **options):
            super().__init__(params, **options)
            self.memory: dict[tuple[int, int], dict] = {}

        def step(self):
            for i, group in enumerate(self.param_groups):
                for j, p in enumerate(group["params"]):
                    if p.grad is None:
                        continue
                    memory = self.memory.setdefault((i, j), {})
                    p.data = formula(p.data, p.grad.detach().clone(), memory, group)

    return Functional


def float32(formula: Formula) -> type:
    """All arithmetic in float32, whatever the parameters are."""

    class Float32(Given):
        def __init__(self, params, **options):
            super().__init__(params, **options)

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.copy_(formula(p.float(), p.grad.float(), self.state[p], group))

    return Float32


def subclass(formula: Formula) -> type:
    """A torch.optim.Optimizer with a closure."""

    class Subclass(torch.optim.Optimizer):
        def __init__(self, params, **options):
            super().__init__(params, options)

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.sub_(p - formula(p, p.grad, self.state[p], group))

    return Subclass


class ForeachAdam(Given):
    """torch's list operations, all tensors of a group at once."""

    def __init__(self, params, lr, betas, eps):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            ps = [p for p in group["params"] if p.grad is not None]
            if not ps:
                continue
            for p in ps:
                if not self.state[p]:
                    self.state[p].update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                self.state[p]["t"] += 1
            b1, b2 = group["betas"]
            gs, ms, vs = [p.grad for p in ps], [self.state[p]["m"] for p in ps], [self.state[p]["v"] for p in ps]
            torch._foreach_lerp_(ms, gs, 1 - b1)
            torch._foreach_mul_(vs, b2)
            torch._foreach_addcmul_(vs, gs, gs, 1 - b2)
            roots = torch._foreach_sqrt(vs)
            torch._foreach_div_(roots, [(1 - b2 ** self.state[p]["t"]) ** 0.5 for p in ps])
            torch._foreach_add_(roots, group["eps"])
            torch._foreach_addcdiv_(ps, ms, roots, [-group["lr"] / (1 - b1 ** self.state[p]["t"]) for p in ps])


def nesterov_of_torch(params, **options):
    return torch.optim.SGD(params, nesterov=True, **options)


_FORMULAS: dict[str, tuple[Formula, Any, Any]] = {
    "optimizers.momentum": (momentum, torch.optim.SGD, optimizers.Momentum),
    "optimizers.nesterov": (nesterov, nesterov_of_torch, optimizers.Nesterov),
    "optimizers.rmsprop": (rmsprop, torch.optim.RMSprop, optimizers.RMSprop),
    "optimizers.adam": (adam, torch.optim.Adam, optimizers.Adam),
    "optimizers.adamw": (adamw, torch.optim.AdamW, optimizers.AdamW),
}

ANSWERS = [
    *(
        Answer(exercise, f"{style.__name__} style", VALID, style(formula), None, "passed")
        for exercise, (formula, _, _) in _FORMULAS.items()
        for style in (in_place, functional, float32, subclass)
    ),
    *(
        Answer(exercise, f"{whose} class", VALID, candidate, None, "passed")
        for exercise, (_, *classes) in _FORMULAS.items()
        for whose, candidate in zip(("torch's", "the course's"), classes, strict=True)
    ),
    Answer("optimizers.adam", "list operations", VALID, ForeachAdam, None, "passed"),
]
