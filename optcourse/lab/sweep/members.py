"""What a sweep is made of: configurations, checked and turned into runs that are ready to start."""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from optcourse.lab.data import Data
from optcourse.lab.errors import require_integer, unknown
from optcourse.lab.train import Loss, Schedule
from optcourse.optimizers import OPTIMIZERS, SAM, SGD

Proceed = Callable[[], bool]


@dataclass(frozen=True)
class Settings:
    """What all runs of a sweep share; see `optcourse.lab.train.run`."""

    steps: int
    batch_size: int | None
    loss: Loss
    evaluate_every: int | None
    record_every: int


@dataclass(frozen=True)
class Member:
    """One run that is ready to start.

    Attributes:
        config: as given to `sweep`.
        model: with its initial values.
        optimizer, options: class and arguments beside the parameters.
        model_options: what `make_model` was given beside the seed.
    """

    config: Mapping[str, Any]
    model: nn.Module
    optimizer: type[torch.optim.Optimizer]
    options: Mapping[str, Any]
    model_options: Mapping[str, Any]
    seed: int
    schedule: Schedule | None

    def make_optimizer(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        return self.optimizer(parameters, **self.options)


def grid(**axes: Any) -> list[dict[str, Any]]:
    """Every combination of the values of each axis; the last axis varies fastest.

    An axis is a list, a range, an array or any other iterable of values; a number, a string, a tuple (such as betas)
    or a function is one value, the same for all.

    Raises:
        ValueError: when an axis has no value.

    Example:
        >>> grid(optimizer="adam", lr=[0.1, 0.01], seed=range(2), betas=(0.9, 0.99))[1]
        {'optimizer': 'adam', 'lr': 0.1, 'seed': 1, 'betas': (0.9, 0.99)}
    """
    values = {name: _axis(axis) for name, axis in axes.items()}
    for name, axis in values.items():
        if not axis:
            raise ValueError(f"each axis needs at least one value, got none for {name!r}")
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def _axis(axis: Any) -> list[Any]:
    if isinstance(axis, (str, tuple, Mapping)) or not isinstance(axis, Iterable):
        return [axis]
    return axis.tolist() if hasattr(axis, "tolist") else list(axis)


def make_member(make_model: Callable[..., nn.Module], data: Data, config: Mapping[str, Any]) -> Member:
    """Check one configuration and build its model.

    Raises:
        TypeError, ValueError: when a setting is missing, unknown, or breaks its rule.
    """
    if not isinstance(config, Mapping):
        raise TypeError(f"each configuration must be a dict, as grid() makes them, got {type(config).__name__}")
    for name in ("optimizer", "seed"):
        if name not in config:
            raise ValueError(f"each configuration needs {name!r}, got {dict(config)}; add {name}=... to grid()")
    if ("lr" in config) == ("schedule" in config):
        raise ValueError(f"each configuration needs 'lr' or a 'schedule' (updates done -> lr), got {dict(config)}")
    if config["optimizer"] not in OPTIMIZERS:
        raise unknown("optimizer", config["optimizer"], OPTIMIZERS)
    optimizer, seed = OPTIMIZERS[config["optimizer"]], require_integer("seed", config["seed"], low=0)
    rest = {name: value for name, value in config.items() if name not in ("optimizer", "seed", "schedule")}
    if optimizer is SAM and isinstance(rest.get("base"), str):
        if rest["base"] not in OPTIMIZERS:
            raise unknown("optimizer", rest["base"], OPTIMIZERS)
        rest["base"] = OPTIMIZERS[rest["base"]]
    known = _optimizer_options(optimizer, rest)
    options = {name: value for name, value in rest.items() if name in known}
    model_options = {name: value for name, value in rest.items() if name not in known}
    _check_model_options(make_model, model_options, known)
    schedule = config.get("schedule")
    if schedule is not None:
        options["lr"] = schedule(0)
    with torch.random.fork_rng(devices=[]):  # a model that ignores its seed still differs from seed to seed
        torch.manual_seed(seed)
        model = make_model(seed=seed, **model_options)
    if not isinstance(model, nn.Module):
        raise TypeError(f"make_model must return an nn.Module, got {type(model).__name__}")
    member = Member(config, model.to(data.x_train), optimizer, options, model_options, seed, schedule)
    member.make_optimizer([torch.zeros(1)])  # raises now, not in the middle of the sweep
    return member


def _optimizer_options(optimizer: type[torch.optim.Optimizer], config: Mapping[str, Any]) -> list[str]:
    classes: list[Any] = [optimizer, config.get("base", SGD)] if optimizer is SAM else [optimizer]
    names = [name for cls in classes for name in _argument_names(cls)]
    return [name for name in names if name not in ("params", "options")]


@functools.cache
def _argument_names(cls: Any) -> list[str]:
    return list(inspect.signature(cls).parameters)


def _check_model_options(
    make_model: Callable[..., nn.Module], options: Mapping[str, Any], optimizer_options: Sequence[str]
) -> None:
    parameters = inspect.signature(make_model).parameters
    if not _takes_keyword(parameters, "seed"):
        raise TypeError(
            f"make_model must take the seed by name, as in make_model(seed=0), got the signature "
            f"{inspect.signature(make_model)}; write lambda seed: ..."
        )
    for name in options:
        if not _takes_keyword(parameters, name):
            known = ["optimizer", "schedule", *optimizer_options, *parameters]
            raise unknown("setting (of neither the optimizer nor make_model)", name, dict.fromkeys(known))


def _takes_keyword(parameters: Mapping[str, inspect.Parameter], name: str) -> bool:
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return True
    found = parameters.get(name)
    return found is not None and found.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
