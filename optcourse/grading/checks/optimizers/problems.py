"""The ladder of cases every optimizer climbs, from one step of one tensor to everything a training may ask of it."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optcourse.grading.candidate import Candidate, Script
from optcourse.grading.definitions import Case, Observation

GRADIENTS, ZERO_GRAD, TRAINABLE = "gradients", "zero_grad", "trainable"  # channels beside the parameters

Options = dict[str, Any]
Draw = Callable[[torch.Generator], Options]  # hyper-parameters that hide no mistake, such as a large eps


@dataclass(frozen=True)
class Step:
    """What is done before one call of step(): options assigned as (group, name, value), then gradients put."""

    gradients: tuple[Tensor | None, ...]
    changes: tuple[tuple[int, str, Any], ...] = ()


@dataclass(frozen=True)
class Problem:
    """A short training with injected gradients.

    Attributes:
        parameters: initial values.
        groups: indices of the parameters in each group.
        group_options: what each group overrides.
        options: arguments of the constructor.
        form: how the parameters are handed over: list, groups or generator.
        in_place: gradients are written into the tensors that hold the last ones.
        zero_grad: zero_grad() is called after each step.
    """

    parameters: tuple[Tensor, ...]
    groups: tuple[tuple[int, ...], ...]
    group_options: tuple[Options, ...]
    options: Options
    steps: tuple[Step, ...]
    form: str = "list"
    in_place: bool = False
    zero_grad: bool = False

    @cached_property
    def initial(self) -> tuple[np.ndarray, ...]:
        """Parameters as float64 arrays."""
        return tuple(_array(value) for value in self.parameters)

    @cached_property
    def injected(self) -> tuple[tuple[np.ndarray | None, ...], ...]:
        """Gradients as float64 arrays, by step and parameter."""
        return tuple(tuple(None if g is None else _array(g) for g in step.gradients) for step in self.steps)

    @cached_property
    def script(self) -> Script:
        """What is asked of a candidate: to be made, then each step; all are read after each."""
        script = Script()
        groups = [
            {**options, "params": [self.parameters[index] for index in members]}
            for members, options in zip(self.groups, self.group_options, strict=True)
        ]
        script.construct(groups, self.options, self.form)
        script.read("parameters")
        for step in self.steps:
            for group, name, value in step.changes:
                script.set_group_option(group, name, value)
            script.step(step.gradients, self.in_place)
            script.read("parameters")
            script.read("gradients")
            if self.zero_grad:
                script.zero_grad()
                script.read("gradients")
        script.read("trainable")
        return script


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.to(torch.float64).numpy()


def drive(candidate: Candidate, problem: Problem) -> Iterator[Observation]:
    """Train the candidate on the injected gradients; parameters, gradients and zero_grad are seen after each step."""
    seen = (value for value in candidate.play(problem.script) if value is not None)  # what only acts returns None
    yield from _parameters(next(seen), "the constructor")
    for number in range(1, len(problem.steps) + 1):
        yield from _parameters(next(seen), f"step {number}")
        for index, gradient in enumerate(next(seen)):
            value = None if gradient is None else _array(gradient)
            yield Observation(f"step {number}, gradient of params[{index}]", value, GRADIENTS)
        if problem.zero_grad:
            left = [gradient for gradient in next(seen) if gradient is not None and gradient.any()]
            yield Observation(f"step {number}, after zero_grad()", "gradients left" if left else "cleared", ZERO_GRAD)
    for index, trainable in enumerate(next(seen)):
        yield Observation(f"params[{index}] at the end", "trainable" if trainable else "not trainable", TRAINABLE)


def _parameters(values: list[Tensor], when: str) -> Iterator[Observation]:
    for index, value in enumerate(values):
        yield Observation(f"{when}, params[{index}]", _array(value))


def untouched(problem: Problem) -> Iterator[Observation]:
    """What must stay as it was: every gradient as injected, and cleared by zero_grad(); parameters trainable."""
    for number, gradients in enumerate(problem.injected, 1):
        for index, gradient in enumerate(gradients):
            yield Observation(f"step {number}, gradient of params[{index}]", gradient, GRADIENTS)
        if problem.zero_grad:
            yield Observation(f"step {number}, after zero_grad()", "cleared", ZERO_GRAD)
    for index in range(len(problem.parameters)):
        yield Observation(f"params[{index}] at the end", "trainable", TRAINABLE)


class _Numbers:
    """Fresh numbers from one generator."""

    def __init__(self, seed: int, exercise: str) -> None:
        self.generator = torch.Generator().manual_seed(seed * 1_000_003 + zlib.crc32(exercise.encode()))

    def uniform(self, shape: Sequence[int], low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(tuple(shape), generator=self.generator, dtype=torch.float64)

    def signs(self, shape: Sequence[int]) -> Tensor:
        return torch.randint(0, 2, tuple(shape), generator=self.generator).to(torch.float64) * 2 - 1

    def parameter(self, *shape: int, scale: float = 1.0) -> Tensor:
        return scale * self.signs(shape) * self.uniform(shape, 0.5, 2.0)

    def gradient(self, *shape: int, low: float = -2.0, high: float = 0.5) -> Tensor:
        """Both signs, magnitudes from 10**low to 10**high in one tensor, small and large ones always."""
        exponents = self.uniform(shape, low, high)
        flat = exponents.reshape(-1)
        if flat.numel() > 1:
            flat[0], flat[1] = high - 0.3 * (high - low) * self.uniform((), 0, 1), low
        return self.signs(shape) * 10**exponents


def ladder(exercise: str, draw: Draw, seed: int) -> tuple[Case, ...]:
    """The ten cases of an optimizer's exercise.

    Args:
        draw: hyper-parameters from a generator, `lr` among them.
    """
    new = _Numbers(seed, exercise)

    def options() -> Options:
        return draw(new.generator)

    def single(shape: Sequence[int], count: int, **further: Any) -> Problem:
        steps = tuple(Step((new.gradient(*shape),)) for _ in range(count))
        return Problem((new.parameter(*shape),), ((0,),), ({},), options(), steps, **further)

    return (
        Case("one step", _to_float32(single((4,), 1))),
        Case("several steps", single((5,), 6)),
        Case("a learning rate that changes", _changing(new, options()), frozenset({"rate"})),
        Case("several parameters", _several(new, options())),
        Case("two parameter groups", _grouped(new, options), frozenset({"groups"})),
        Case("a parameter without gradient on some steps", _sparse(new, options()), frozenset({"none"})),
        Case("very small and very large numbers", _extreme(new, options())),
        Case("gradients written into the same tensors", single((4,), 4, in_place=True), frozenset({"in_place"})),
        Case("parameters from a generator", single((3,), 3, form="generator"), frozenset({"generator"})),
        Case("zero_grad() after each step", _to_float32(single((3,), 2, zero_grad=True)), frozenset({"zero_grad"})),
    )


def _to_float32(problem: Problem) -> Problem:
    steps = tuple(Step(tuple(g if g is None else g.float() for g in step.gradients)) for step in problem.steps)
    parameters = tuple(value.float() for value in problem.parameters)
    return Problem(**{**_fields(problem), "parameters": parameters, "steps": steps})


def _fields(problem: Problem) -> dict[str, Any]:
    """The fields of a problem, without what it has cached."""
    return {name: getattr(problem, name) for name in Problem.__dataclass_fields__}


def _changing(new: _Numbers, options: Options) -> Problem:
    changes = {3: ((0, "lr", options["lr"] * 3),), 5: ((0, "lr", options["lr"] / 2),)}
    steps = tuple(Step((new.gradient(2, 3),), changes.get(number, ())) for number in range(1, 7))
    return Problem((new.parameter(2, 3),), ((0,),), ({},), options, steps)


def _several(new: _Numbers, options: Options) -> Problem:
    """Two of one shape (state shared between them shows), a 0-d and a non-contiguous one."""

    def values(make: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        return make(3), make(3), make(), make(3, 2).t()

    return Problem(
        values(new.parameter), ((0, 1, 2, 3),), ({},), options, tuple(Step(values(new.gradient)) for _ in range(5))
    )


def _grouped(new: _Numbers, draw: Callable[[], Options]) -> Problem:
    """The first group overrides lr alone, the second all; lr of the second changes."""
    options = draw()
    second = max((draw() for _ in range(10)), key=lambda other: _distance(options, other))
    groups = ({"lr": options["lr"] * 0.6}, {**second, "lr": second["lr"] * 1.7})
    changes = {4: ((1, "lr", second["lr"] * 0.4),)}
    steps = tuple(
        Step((new.gradient(4), new.gradient(3), new.gradient(2)), changes.get(number, ())) for number in range(1, 6)
    )
    parameters = new.parameter(4), new.parameter(3), new.parameter(2)
    return Problem(parameters, ((0,), (1, 2)), groups, options, steps, form="groups")


def _distance(first: Options, second: Options) -> float:
    """How far apart the two are where they are closest, lr aside; relative."""
    pairs = ((np.atleast_1d(first[name]), np.atleast_1d(second[name])) for name in first if name != "lr")
    return min(float(np.min(np.abs(one - other) / one)) for one, other in pairs)


def _sparse(new: _Numbers, options: Options) -> Problem:
    """The first has a gradient but on step 3, the second from step 2 on, the third never, the last always but once."""
    present = ((1, 0, 0, 1), (1, 1, 0, 1), (0, 1, 0, 1), (0, 0, 0, 0), (1, 1, 0, 1), (1, 1, 0, 1))
    steps = tuple(Step(tuple(new.gradient(3) if has else None for has in row)) for row in present)
    return Problem(tuple(new.parameter(3) for _ in range(4)), ((0, 1, 2, 3),), ({},), options, steps)


def _extreme(new: _Numbers, options: Options) -> Problem:
    """Gradients from 1e-4 to 1e4, some of them 0, and parameters that no bound leaves alone."""
    steps = []
    for _ in range(5):
        gradient = new.gradient(6, low=-4, high=4)
        gradient[5] = 0.0
        steps.append(Step((gradient,)))
    return Problem((new.parameter(6, scale=50.0),), ((0,),), ({},), options, tuple(steps))


def probe(options: Mapping[str, Any], gradient: float, size: int = 3) -> Case:
    """One step with one gradient everywhere, to find an unknown bound with."""
    step = Step((torch.full((size,), gradient, dtype=torch.float64),))
    start = torch.full((size,), 0.5, dtype=torch.float64)
    return Case("a probe", Problem((start,), ((0,),), ({},), dict(options), (step,)))
