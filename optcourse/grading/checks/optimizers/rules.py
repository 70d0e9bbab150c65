"""What the right optimizers do, and what each mistake makes of them: numpy, a switch where learners go wrong.

`train` is the loop around every optimizer (groups, None gradients, step counts, clamps); `momentum`, `nesterov`,
`rmsprop` and `adam` are one step on one parameter.  Without switches they are the textbook's formulas.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from optcourse.grading.checks.optimizers.problems import Problem
from optcourse.grading.definitions import Observation, VariantError

Switches = Mapping[str, Any]
State = dict[str, Any]
Update = Callable[[np.ndarray, np.ndarray, State, int, Mapping[str, Any], Switches], np.ndarray]


def train(update: Update) -> Callable[[Problem, Switches], Iterator[Observation]]:
    """The model of a check: what is seen of the parameters when `update` trains on a problem's gradients."""

    def model(problem: Problem, switches: Switches) -> Iterator[Observation]:
        with np.errstate(all="ignore"):
            yield from _Training(update, problem, switches).run()

    return model


class _Training:
    def __init__(self, update: Update, problem: Problem, switches: Switches) -> None:
        self.update, self.problem, self.switches = update, problem, switches
        self.thetas = [value.copy() for value in problem.initial]
        self.states: dict[int, State] = {}
        self.groups = [{**problem.options, **options} for options in problem.group_options]
        self.calls = self.active_calls = self.tensors = 0
        self.tensors_of_group = [0] * len(self.groups)

    def run(self) -> Iterator[Observation]:
        yield from self.seen("the constructor")
        for number, step in enumerate(self.problem.steps, 1):
            for group, name, value in step.changes:
                self.groups[group][name] = value
            self.step(self.clipped(list(self.problem.injected[number - 1])))
            yield from self.seen(f"step {number}")

    def seen(self, when: str) -> Iterator[Observation]:
        for index, theta in enumerate(self.thetas):
            yield Observation(f"{when}, params[{index}]", theta)

    def clipped(self, gradients: list[np.ndarray | None]) -> list[np.ndarray | None]:
        kind, bound = self.switches.get("clamp", ("", 0.0))
        if kind == "gradient":
            return [None if g is None else np.clip(g, -bound, bound) for g in gradients]
        if kind in ("gradient norm", "gradient norm of all"):
            norms = [0.0 if g is None else float(np.linalg.norm(g.reshape(-1))) for g in gradients]
            if kind == "gradient norm of all":
                norms = [float(np.linalg.norm(norms))] * len(norms)
            factors = [min(1.0, bound / (norm + 1e-6)) for norm in norms]
            return [None if g is None else g * factor for g, factor in zip(gradients, factors, strict=True)]
        return gradients

    def step(self, gradients: list[np.ndarray | None]) -> None:
        missing = self.switches.get("missing", "skip")
        if missing == "skip step" and any(gradient is None for gradient in gradients):
            return
        self.calls += 1
        self.active_calls += any(gradient is not None for gradient in gradients)
        for group, members in enumerate(self.problem.groups):
            if group and self.switches.get("options") == "first group alone":
                return
            for index in members:
                gradient = gradients[index]
                if gradient is None and missing == "decay":
                    options = self.options(group)
                    self.thetas[index] = self.thetas[index] * (1 - options["lr"] * options["weight_decay"])
                if gradient is None and missing == "zero":
                    gradient = np.zeros_like(self.thetas[index])
                if gradient is None and missing == "break":
                    break
                if gradient is None and missing == "return":
                    return
                if gradient is not None:
                    self.move(index, group, gradient)

    def options(self, group: int) -> dict[str, Any]:
        source = self.switches.get("options", "own")
        given, initial = self.groups[group], self.problem.options
        if source == "constructor":
            return initial
        if source == "first group":
            return self.groups[0]
        if source == "last group":
            return self.groups[-1]
        if source == "lr alone":
            return {**initial, "lr": given["lr"]}
        if source == "all but lr":
            return {**given, "lr": initial["lr"]}
        if source == "as constructed":
            return {**initial, **self.problem.group_options[group]}
        return given

    def count(self, state: State, group: int) -> int:
        """t of this update."""
        self.tensors += 1
        self.tensors_of_group[group] += 1
        state["t"] = state.get("t", 0) + 1
        t = {
            "own": state["t"],
            "per step": self.calls,
            "per active step": self.active_calls,
            "per tensor": self.tensors,
            "per tensor of group": self.tensors_of_group[group],
        }[self.switches.get("count", "own")]
        offset = self.switches.get("offset", 0)
        return max(t - 1, 1) if offset == "late" else t + offset

    def move(self, index: int, group: int, gradient: np.ndarray) -> None:
        keeping = self.switches.get("state", "own")
        key = {"own": index, "shared": -1, "by group": -1 - group}.get(keeping, index)
        state = self.states.setdefault(key, {})
        t = self.count(state, group)
        if keeping in ("reset", "moments reset"):
            state = {}
            t = 1 if keeping == "reset" else t
        old = self.thetas[index]
        try:
            new = self.update(old, gradient, state, t, self.options(group), self.switches)
        except ValueError:  # shapes of a shared state do not fit
            raise VariantError("RuntimeError") from None
        if np.shape(new) != np.shape(old):
            raise VariantError("RuntimeError")
        kind, bound = self.switches.get("clamp", ("", 0.0))
        if kind == "update":
            new = old + np.clip(new - old, -bound, bound)
        if kind == "parameter":
            new = np.clip(new, *bound)
        self.thetas[index] = np.asarray(new)


def momentum(theta, g, s: State, t: int, o: Mapping[str, Any], switches: Switches):
    """m = mu m + g;  theta = theta - lr m."""
    lr, mu = o["lr"], o["momentum"]
    g, rate = {"in buffer": (lr * g, 1.0), "both": (lr * g, lr), "squared": (g, lr * lr), "none": (g, 1.0)}.get(
        switches.get("rate", ""), (g, lr)
    )
    first, old = "m" not in s, s.get("m", 0.0 * g)
    m = {
        "sum": lambda: mu * old + g,
        "average": lambda: mu * old + (1 - mu) * g,
        "average after first": lambda: g if first else mu * old + (1 - mu) * g,
        "corrected average": lambda: mu * old + (1 - mu) * g,
        "undamped": lambda: old + g,
        "outside": lambda: mu * (old + g),
        "swapped": lambda: (1 - mu) * old + mu * g,
        "complement": lambda: (1 - mu) * old + g,
        "starts at gradient": lambda: mu * (g if first else old) + g,
        "subtracted": lambda: g - mu * old,
    }[switches.get("buffer", "sum")]()
    s["m"] = m
    if switches.get("buffer") == "corrected average":
        m = m / (1 - mu**t)
    if switches.get("start") == "skipped" and first:
        return theta
    direction = {
        "buffer": lambda: m,
        "stale": lambda: old,
        "nesterov": lambda: g + mu * m,
        "gradient twice": lambda: g + m,
        "gradient left out": lambda: mu * m,
        "look ahead twice": lambda: g + mu * (g + mu * m),
        "averaged": lambda: (1 - mu) * g + mu * m,
        "look back": lambda: g - mu * m,
        "momentum on gradient": lambda: mu * g + m,
        "lr on gradient alone": lambda: g + mu * m / rate,
    }[switches.get("step", "buffer")]()
    if switches.get("stored") == "direction":
        s["m"] = direction
    return theta - _sign(switches) * rate * direction


def nesterov(theta, g, s: State, t: int, o: Mapping[str, Any], switches: Switches):
    """m = mu m + g;  theta = theta - lr (g + mu m)."""
    return momentum(theta, g, s, t, o, {"step": "nesterov", **switches})


def _sign(switches: Switches) -> float:
    return -1.0 if switches.get("direction") == "up" else 1.0


def _root(denominator_of: np.ndarray, eps: float, kind: str):
    """The denominator from a second moment and eps, which learners put in many places."""
    return {
        "outside": lambda: np.sqrt(denominator_of) + eps,
        "inside": lambda: np.sqrt(denominator_of + eps),
        "inside squared": lambda: np.sqrt(denominator_of + eps**2),
        "none": lambda: np.sqrt(denominator_of),
        "fixed": lambda: np.sqrt(denominator_of) + 1e-8,
        "floor": lambda: np.maximum(np.sqrt(denominator_of), eps),
        "after": lambda: np.sqrt(denominator_of),
        "minus": lambda: np.sqrt(denominator_of) - eps,
    }[kind]()


def rmsprop(theta, g, s: State, t: int, o: Mapping[str, Any], switches: Switches):
    """v = alpha v + (1-alpha) g^2;  theta = theta - lr g / (sqrt(v) + eps)."""
    lr, alpha, eps = o["lr"], o["alpha"], o["eps"]
    if switches.get("alpha") == "swapped":
        alpha = 1 - alpha
    rate = {"in buffer": 1.0, "squared": lr * lr, "none": 1.0}.get(switches.get("rate", ""), lr)
    if switches.get("rate") == "in buffer":
        g = lr * g
    square = _square(g, 0.0 * g, switches)
    old = s.get("v", {"zero": 0.0 * g, "one": 0.0 * g + 1, "gradient": square}[switches.get("start", "zero")])
    weight = 1.0 if switches.get("second weight") == "missing" else 1 - alpha
    v = {"average": alpha * old + weight * square, "sum": old + square, "none": square}[
        switches.get("memory", "average")
    ]
    s["v"] = v
    used = old if switches.get("second") == "stale" else v
    if switches.get("correction") == "added":
        used = used / (1 - alpha**t)
    if switches.get("centered"):
        s["a"] = alpha * s.get("a", 0.0 * g) + (1 - alpha) * g
        used = used - s["a"] ** 2
    if switches.get("top") == "momentum":
        g = s["b"] = alpha * s.get("b", 0.0 * g) + (1 - alpha) * g
    return theta - _sign(switches) * rate * _quotient(g, used, eps, switches, rate)


def _square(g, m, switches: Switches):
    return {
        "square": lambda: g * g,
        "plain": lambda: g,
        "absolute": lambda: np.abs(g),
        "of m": lambda: m * m,
        "mean": lambda: np.mean(g * g) + 0.0 * g,
        "norm": lambda: np.sum(g * g) + 0.0 * g,
    }[switches.get("square", "square")]()


def _quotient(top, second, eps, switches: Switches, rate):
    kind = switches.get("eps", "outside")
    if switches.get("root") == "none":
        return top / (second + eps)
    quotient = top * _root(second, eps, kind) if switches.get("root") == "times" else top / _root(second, eps, kind)
    clamp, bound = switches.get("clamp", ("", 0.0))
    if clamp == "quotient":
        quotient = np.clip(quotient, -bound, bound)
    return quotient + eps / rate if kind == "after" else quotient


def adam(theta, g, s: State, t: int, o: Mapping[str, Any], switches: Switches):
    """m, v, their bias corrections, theta; with the decoupled decay of AdamW where the options have weight_decay."""
    lr, eps, decay = o["lr"], o["eps"], o.get("weight_decay", 0.0)
    beta1, beta2 = {"swapped": o["betas"][::-1], "first": o["betas"][:1] * 2}.get(switches.get("betas", ""), o["betas"])
    place = switches.get("decay", "before")
    if place in ("gradient", "gradient too"):
        g = g + decay * theta
    rate = {"in buffer": 1.0, "in gradient": 1.0, "squared": lr * lr, "none": 1.0}.get(switches.get("rate", ""), lr)
    if switches.get("rate") in ("in gradient", "in gradient too"):
        g = lr * g
    zero = 0.0 * g
    start = switches.get("start", "zero")
    m_old = s.get("m", g if start in ("gradient", "first gradient") else zero)
    weight1 = {"average": 1 - beta1, "missing": 1.0, "twice": (1 - beta1) ** 2}[switches.get("first weight", "average")]
    m = beta1 * m_old + weight1 * (lr * g if switches.get("rate") in ("in buffer", "in buffer too") else g)
    weight2 = {"average": 1 - beta2, "missing": 1.0}[switches.get("second weight", "average")]
    square = _square(g, m, switches)
    v_old = s.get("v", {"gradient": square, "one": zero + 1.0}.get(start, zero))
    v_old = m if switches.get("moments") == "one tensor" else v_old
    v = beta2 * v_old + weight2 * square
    if switches.get("second memory") == "beta1":
        v = beta1 * v_old + (1 - beta1) * square
    if switches.get("moments") == "one tensor":
        m = v
    if switches.get("top") == "gradient":
        m = g
    largest = v
    if switches.get("maximum") == "of v":
        largest = s["max"] = np.maximum(s.get("max", v), v)
    m_hat, v_hat, eps_scale = _corrected(m, largest, t, beta1, beta2, switches)
    stored = switches.get("stored", "raw")
    s["m"] = m_hat if stored in ("corrected", "first corrected") else m
    s["v"] = v_hat if stored in ("corrected", "second corrected") else v
    if switches.get("maximum") == "of v_hat":
        s["max"] = v_hat = np.maximum(s.get("max", v_hat), v_hat)
    if switches.get("moments") == "stale":
        m_hat, v_hat = m_old, v_old
    top = m_hat + decay * theta if place == "numerator" else m_hat
    quotient = _quotient(top, v_hat, eps * eps_scale, switches, rate)
    update = _sign(switches) * rate * quotient
    kind, bound = switches.get("clamp", ("", 0.0))
    if kind == "update without decay":
        update = np.clip(update, -bound, bound)
    return _decayed(theta, update, lr, decay, place)


def _corrected(m, v, t: int, beta1: float, beta2: float, switches: Switches):
    """m_hat, v_hat, and what multiplies eps."""
    kind = switches.get("correction", "both")
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    if switches.get("division") == "of numbers" and t == 0:
        raise VariantError("ZeroDivisionError")
    hat = {"hat": 1 / np.sqrt(c2), "hat inside": 1 / np.float64(c2)}.get(switches.get("epsilon", ""), 1.0)
    first, second = {
        "both": lambda: (m / c1, v / c2),
        "none": lambda: (m, v),
        "first": lambda: (m / c1, v),
        "second": lambda: (m, v / c2),
        "constant": lambda: (m / (1 - beta1), v / (1 - beta2)),
        "exchanged": lambda: (m / c2, v / c1),
        "same first": lambda: (m / c1, v / c1),
        "same second": lambda: (m / c2, v / c2),
        "product": lambda: (m / (1 - beta1 * t), v / (1 - beta2 * t)),
        "times": lambda: (m * c1, v * c2),
        "beyond root": lambda: (m / c1, v / c2**2),
        "plus": lambda: (m / (1 + beta1**t), v / (1 + beta2**t)),
        "power": lambda: (m / beta1**t, v / beta2**t),
    }[kind]()
    return first, second, hat


def _decayed(theta, update, lr: float, decay: float, place: str):
    new = theta - update
    return {
        "before": lambda: new - lr * decay * theta,
        "gradient too": lambda: new - lr * decay * theta,
        "of matrices": lambda: new - lr * decay * theta if np.ndim(theta) > 1 else new,
        "gradient": lambda: new,
        "numerator": lambda: new,
        "none": lambda: new,
        "after": lambda: new - lr * decay * new,
        "unscaled": lambda: new - decay * theta,
        "grows": lambda: new + lr * decay * theta,
        "twice": lambda: (1 - lr * decay) ** 2 * theta - update,
        "squared rate": lambda: new - lr * lr * decay * theta,
        "alone": lambda: (1 - lr * decay) * theta,
    }[place]()
