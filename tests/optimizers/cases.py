"""The table of configurations that every contract runs through, and what the contracts share.

A case is one of our optimizers with its options and, as oracle, torch's with its own. Gradients are injected: drawn
beforehand and put into `.grad`, so that a difference cannot hide in a gradient that depends on the parameter. Steps are
made with a closure that injects them, so SAM, whose second gradient then is the same one, equals its base optimizer.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from optcourse import optimizers as ours
from optcourse.optimizers import SAM, SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSprop

TWINS = {
    kind: (getattr(ours, f"{kind.__name__.lower()}_reference"), getattr(ours, f"{kind.__name__.lower()}_"))
    for kind in (SGD, Momentum, Nesterov, Adagrad, RMSprop, Adam, AdamW)
}


@dataclass(frozen=True)
class Case:
    name: str
    optimizer: type[torch.optim.Optimizer]
    options: dict[str, Any]
    torch_optimizer: type[torch.optim.Optimizer]
    torch_only: dict[str, Any] = field(default_factory=dict)  # what torch needs besides
    ours_only: dict[str, Any] = field(default_factory=dict)

    def ours(self, params: Any, **changed: Any) -> torch.optim.Optimizer:
        return self.optimizer(params, **{**self.options, **self.ours_only, **changed})

    def torch(self, params: Any, **changed: Any) -> torch.optim.Optimizer:
        return self.torch_optimizer(params, **{**self.options, **self.torch_only, **changed})


def _sgd_cases() -> list[Case]:
    heavy, nesterov = {"momentum": 0.9}, {"nesterov": True}
    return [
        Case("sgd", SGD, {"lr": 0.1}, torch.optim.SGD),
        Case("sgd decay", SGD, {"lr": 0.1, "weight_decay": 0.3}, torch.optim.SGD),
        Case("momentum", Momentum, {"lr": 0.1, **heavy}, torch.optim.SGD),
        Case("momentum decay", Momentum, {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.3}, torch.optim.SGD),
        Case("momentum 0", Momentum, {"lr": 0.1, "momentum": 0.0}, torch.optim.SGD),
        Case("nesterov", Nesterov, {"lr": 0.1, **heavy}, torch.optim.SGD, nesterov),
        Case("nesterov decay", Nesterov, {"lr": 0.1, "momentum": 0.6, "weight_decay": 0.2}, torch.optim.SGD, nesterov),
    ]


def _adaptive_cases() -> list[Case]:
    betas = (0.7, 0.95)
    root = torch.optim
    return [
        Case("adagrad", Adagrad, {"lr": 0.1}, root.Adagrad),
        Case("adagrad decay", Adagrad, {"lr": 0.1, "eps": 1e-3, "weight_decay": 0.3}, root.Adagrad),
        Case("adagrad start", Adagrad, {"lr": 0.1, "initial_accumulator_value": 0.4}, root.Adagrad),
        Case("rmsprop", RMSprop, {"lr": 0.1}, root.RMSprop),
        Case("rmsprop decay", RMSprop, {"lr": 0.1, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.2}, root.RMSprop),
        Case("rmsprop centered", RMSprop, {"lr": 0.1, "alpha": 0.8, "centered": True}, root.RMSprop),
        Case("rmsprop momentum", RMSprop, {"lr": 0.1, "alpha": 0.8, "momentum": 0.7}, root.RMSprop),
        Case("rmsprop all", RMSprop, {"lr": 0.1, "alpha": 0.8, "momentum": 0.7, "centered": True}, root.RMSprop),
        Case("adam", Adam, {"lr": 0.1}, root.Adam),
        Case("adam decay", Adam, {"lr": 0.1, "betas": betas, "eps": 1e-2, "weight_decay": 0.3}, root.Adam),
        Case("adam betas 0", Adam, {"lr": 0.1, "betas": (0.0, 0.0), "eps": 1e-3}, root.Adam),
        Case("amsgrad", Adam, {"lr": 0.1, "betas": betas, "amsgrad": True}, root.Adam),
        Case("adamw", AdamW, {"lr": 0.1}, root.AdamW),
        Case("adamw decay", AdamW, {"lr": 0.1, "betas": betas, "eps": 1e-2, "weight_decay": 0.3}, root.AdamW),
        Case("adamw no decay", AdamW, {"lr": 0.1, "weight_decay": 0.0}, root.AdamW),
        Case("adamw amsgrad", AdamW, {"lr": 0.1, "betas": betas, "amsgrad": True}, root.AdamW),
    ]


PLAIN_CASES = [*_sgd_cases(), *_adaptive_cases()]
SAM_CASES = [
    Case("sam", SAM, {"lr": 0.1, "weight_decay": 0.3}, torch.optim.SGD, ours_only={"rho": 0.3}),
    Case("sam momentum", SAM, {"lr": 0.1, "momentum": 0.9}, torch.optim.SGD, ours_only={"base": Momentum}),
    Case("sam adamw", SAM, {"lr": 0.1, "amsgrad": True}, torch.optim.AdamW, ours_only={"base": AdamW}),
    Case("sam torch", SAM, {"lr": 0.1}, torch.optim.Adam, ours_only={"base": torch.optim.Adam}),
]
CASES = [*PLAIN_CASES, *SAM_CASES]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_own_case = pytest.mark.parametrize(  # an optimizer of torch's inside SAM checks options in its own way
    "case", [case for case in CASES if case.name != "sam torch"], ids=lambda case: case.name
)
every_plain_case = pytest.mark.parametrize("case", PLAIN_CASES, ids=lambda case: case.name)


def make_tensors(seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """One of each kind: matrix, vector, 0-d, empty, transposed (not contiguous), and one strided with gaps."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    return [draw(3, 4), draw(5), draw(), draw(0, 2), draw(2, 3).t(), draw(3, 6)[:, ::2]]


def make_parameters(seed: int = 0, dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(tensor) for tensor in make_tensors(seed, dtype)]


def make_gradients(seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return make_tensors(1000 + seed, dtype)


def inject(optimizer: torch.optim.Optimizer, gradients: Sequence[Tensor | None]) -> Any:
    """One step with these gradients, one for each parameter in the order of the groups; None leaves it without."""
    parameters = [theta for group in optimizer.param_groups for theta in group["params"]]

    def closure() -> Tensor:
        for theta, g in zip(parameters, gradients, strict=True):
            theta.grad = None if g is None else g.clone()
        return torch.tensor(1.5)

    return optimizer.step(closure)


def run(optimizer: torch.optim.Optimizer, seeds: range, dtype: torch.dtype = torch.float64) -> None:
    for seed in seeds:
        inject(optimizer, make_gradients(seed, dtype))


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [theta.detach() for group in optimizer.param_groups for theta in group["params"]]


def assert_same(actual: Any, expected: Any, tolerance: float = 0.0) -> None:
    """Equal numbers (within a relative and absolute tolerance), dtypes and shapes."""
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=False)


def hyperparameters(case: Case, reference: Callable[..., Any]) -> dict[str, Any]:
    """The options of a case as keyword arguments of its twins, the class's defaults included."""
    group = dict(case.ours([torch.nn.Parameter(torch.zeros(1))]).param_groups[0])
    if "betas" in group:
        group["beta1"], group["beta2"] = group["betas"]
    return {name: group[name] for name in inspect.signature(reference).parameters if name in group}


def state_names(case: Case) -> tuple[str, ...]:
    """Names of the tensors that the case's optimizer keeps, in the order in which its twins take and return them."""
    optimizer: Any = case.ours([torch.nn.Parameter(torch.zeros(1))])
    return tuple(name for name in optimizer.LAYOUT.state(optimizer.param_groups[0]) if name != "t")
