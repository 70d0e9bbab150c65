"""How a check sees an answer: through requests of plain values, never through the learner's object itself.

    check  ->  Session (a Candidate)  ->  transport: request -> reply  ->  Servant, which owns the learner's object

The transport of a notebook is `direct`; `serializing` sends every request and reply through bytes and back, as a pipe
to a sandbox does.  A check must give the same card through both.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from optcourse.grading.limits import OUTPUT_LIMIT, Fault, guarded
from optcourse.grading.values import NotPlainError, decode, encode, plain

Transport = Callable[[dict], dict]
OVERWRITTEN = 99.0  # what a reused tensor holds next
_FAREWELL = 1.0  # seconds that a learner's object may take to go
_LONGEST_VERDICT, _LONGEST_NAME = 200, 100  # characters
Group = Mapping[str, Any]


class AnswerError(Exception):
    """The learner's code did not return; `fault` says how."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True)
class Examined:
    """What a function returned, and what it did beside that.

    Attributes:
        arguments: what was handed in, as it is after the call.
        gradients: of the sum of the result, one for each argument that was differentiated; 0 where none flows.
    """

    result: Any
    arguments: list
    gradients: list[Tensor]


class Candidate(Protocol):
    """What a check may ask of an answer.  Every method raises `AnswerError` when the learner's code does not return."""

    def describe(self) -> dict[str, Any]:
        """What was handed in: its "type" by name, whether it "is_class", "is_callable" or "is_missing"."""

    def value(self) -> Any:
        """The answer itself, for kinds value and choice."""

    def call(self, function: str, *args: Any) -> Any:
        """What the answer's function returns; function is "" for the answer itself, else a key or attribute of it."""

    def examine(self, *args: Any, differentiated: Sequence[int] = (), **options: Any) -> Examined:
        """`call` of the answer itself, and what becomes of its arguments.

        differentiated: places among args of tensors that require gradients.
        """

    def judge(self, implementation: str) -> str:
        """For kind test: whether the learner's test "accepts", "rejects" (AssertionError or False) or "raises"."""

    def construct(self, groups: Sequence[Group], options: Mapping[str, Any], form: str = "groups") -> None:
        """Make parameters from the tensors in `groups` and the learner's object from them.

        form: "groups" passes dicts with their options; "list" and "generator" pass the first group's bare parameters.
        """

    def step(self, gradients: Sequence[Tensor | None], in_place: bool = False) -> None:
        """Put gradients (in_place: into the tensors that hold the last ones) and call step()."""

    def zero_grad(self) -> None:
        """Call zero_grad()."""

    def set_group_option(self, group: int, name: str, value: Any) -> None:
        """Assign param_groups[group][name]."""

    def read(self, what: str) -> list:
        """One entry a parameter: its "parameters" value, its "gradients" (None where there is none), its "state", or
        whether it is "trainable": whether a backward() that came now would reach it.
        """

    def play(self, script: "Script") -> Iterator[Any]:
        """What each request of a script returns, as far as they go; then `AnswerError` if one of them did not."""

    def make(self, *args: Any) -> None:
        """Make the learner's object from plain values, for a class that is no optimizer."""

    def ask(self, method: str, *args: Any, reuse: bool = False) -> Any:
        """What a method of that object returns.

        reuse: tensors among the arguments are overwritten after it, as by an environment that reuses its arrays.
        """


class Servant:
    """Owns the learner's object and answers requests.

    Args:
        answer: what the learner passed to `check`.
        seconds: time its code may run in all.
        implementations: by name, what a learner's test is run against.
    """

    def __init__(self, answer: Any, *, seconds: float, implementations: Mapping[str, Any] | None = None) -> None:
        self.answer, self.seconds = answer, seconds
        self.implementations = {} if implementations is None else implementations
        self.parameters: list[Tensor] = []
        self.instance: Any = None
        if issubclass(type(answer), type) and issubclass(answer, torch.optim.Optimizer):
            # The first one in a process makes torch import its compiler, for seconds: not the learner's time.
            torch.optim.Optimizer([torch.zeros(1, requires_grad=True)], {})

    def handle(self, request: dict) -> dict:
        """The reply to one request: value, fault (or None), printed, dropped.  Never raises but for a real Ctrl-C.

        The value of "play" is a list of those of its requests, as many as returned.
        """
        together = request.get("do") == "play"
        requests = request["requests"] if together else [request]
        if self.seconds <= 0:
            return _reply([] if together else None, Fault("timeout", "TimedOut"))
        values: list[Any] = []

        def run() -> None:
            for one in requests:
                values.append(plain(self._answered(**one)))  # noqa: PERF401 (what came before a fault counts)

        outcome = guarded(run, seconds=self.seconds)
        self.seconds -= outcome.seconds
        fault = outcome.fault
        if fault is not None and fault.type == NotPlainError.__name__:
            fault = Fault("result", fault.type, fault.message)
        value = values if together else values[0] if fault is None else None
        return _reply(value, fault, outcome.printed, outcome.dropped)

    def release(self) -> None:
        """Let go of the learner's objects while their time is kept: a `__del__` of theirs may be endless."""

        def run() -> None:
            self.answer = self.instance = None
            self.parameters = []

        guarded(run, seconds=_FAREWELL)

    def _answered(self, do: str, **arguments: Any) -> Any:
        action = getattr(self, f"_do_{do}", None)
        if action is None:
            raise RuntimeError("the servant knows no such request")
        return action(**arguments)

    def serve(self, data: bytes) -> bytes:
        """`handle` for requests and replies as bytes.

        Raises:
            BadBytesError: if the request was not written by `encode`.
        """
        return encode(self.handle(decode(data)))

    def _do_describe(self) -> dict[str, Any]:
        return {
            "type": type(self.answer).__name__[:_LONGEST_NAME],
            "is_class": isinstance(self.answer, type),
            "is_callable": callable(self.answer),
            "is_missing": self.answer is None or self.answer is Ellipsis or self.answer is NotImplemented,
        }

    def _do_value(self) -> Any:
        return self.answer

    def _do_call(self, function: str, args: list, options: Mapping[str, Any] | None = None) -> Any:
        target = self.answer
        if function:
            target = target[function] if isinstance(target, Mapping) else getattr(target, function)
        if target is None or target is Ellipsis:
            raise NotImplementedError
        result = target(*args, **(options or {}))
        if result is Ellipsis or result is NotImplemented:
            raise NotImplementedError
        return result

    def _do_examine(self, args: list, options: dict, differentiated: list) -> dict[str, Any]:
        leaves = []
        for place in differentiated:
            args[place] = args[place].clone().requires_grad_()  # a copy: what crossed as bytes is a view
            leaves.append(args[place])
        result = self._do_call("", args, options)
        gradients: Sequence[Tensor] = [torch.zeros_like(leaf) for leaf in leaves]
        if leaves and isinstance(result, Tensor) and result.requires_grad:
            gradients = torch.autograd.grad(result.sum(), leaves, materialize_grads=True)
        return {"result": result, "arguments": args, "gradients": list(gradients)}

    def _do_judge(self, implementation: str) -> str:
        try:
            verdict = self.answer(self.implementations[implementation])
        except AssertionError:
            return "rejects"
        except NotImplementedError:
            raise
        except Exception as error:
            return f"raises {type(error).__name__}: {error}"[:_LONGEST_VERDICT]
        if verdict is Ellipsis or verdict is NotImplemented:
            raise NotImplementedError
        try:
            return "rejects" if verdict is not None and not verdict else "accepts"
        except (RuntimeError, ValueError) as error:  # a tensor or an array of several numbers is neither True nor False
            kind = type(verdict).__name__
            raise TypeError(f"your test returned a {kind} of several numbers: return True, False or nothing") from error

    def _do_construct(self, groups: list, options: dict, form: str) -> None:
        self.parameters, arguments = [], []
        for group in groups:
            members = [value.clone().requires_grad_() for value in group["params"]]
            self.parameters += members
            arguments.append({**group, "params": members})
        given: Any = arguments
        if form != "groups":
            given = arguments[0]["params"]
            given = (member for member in given) if form == "generator" else given
        self.instance = self.answer(given, **options)

    def _do_make(self, args: list) -> None:
        self.instance = self.answer(*args)

    def _do_ask(self, method: str, args: list, reuse: bool) -> Any:
        result = getattr(self.instance, method)(*args)
        if result is Ellipsis or result is NotImplemented:
            raise NotImplementedError
        if reuse:
            for tensor in (value for value in args if isinstance(value, torch.Tensor)):
                tensor.fill_(OVERWRITTEN)
        return result

    def _do_step(self, gradients: list, in_place: bool) -> None:
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                if in_place and gradient is not None and parameter.grad is not None:
                    parameter.grad.copy_(gradient)
                else:
                    parameter.grad = None if gradient is None else gradient.clone()
        self.instance.step()

    def _do_zero_grad(self) -> None:
        self.instance.zero_grad()

    def _do_set_group_option(self, group: int, name: str, value: Any) -> None:
        self.instance.param_groups[group][name] = value

    def _do_read(self, what: str) -> list:
        if what == "parameters":
            return list(self.parameters)
        if what == "gradients":
            return [parameter.grad for parameter in self.parameters]
        if what == "trainable":
            return [torch.is_grad_enabled() and p.requires_grad and p.is_leaf for p in self.parameters]
        state = getattr(self.instance, "state", {})
        return [dict(state[parameter]) if parameter in state else {} for parameter in self.parameters]


def _reply(value: Any, fault: Fault | None, printed: str = "", dropped: int = 0) -> dict:
    return {"value": value, "fault": None if fault is None else vars(fault), "printed": printed, "dropped": dropped}


def direct(servant: Servant) -> Transport:
    """The transport of a notebook: the servant lives in this process and sees copies."""
    return lambda request: servant.handle(plain(request))


def serializing(servant: Servant) -> Transport:
    """The transport of the tests: every request and reply goes through bytes."""
    return lambda request: decode(servant.serve(encode(request)))


class _Asking:
    """The requests of a `Candidate`, each as one call of `_ask`."""

    def _ask(self, do: str, **arguments: Any) -> Any:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        return self._ask("describe")

    def value(self) -> Any:
        return self._ask("value")

    def call(self, function: str, *args: Any) -> Any:
        return self._ask("call", function=function, args=list(args))

    def judge(self, implementation: str) -> str:
        return self._ask("judge", implementation=implementation)

    def construct(self, groups: Sequence[Group], options: Mapping[str, Any], form: str = "groups") -> None:
        self._ask("construct", groups=[dict(group) for group in groups], options=dict(options), form=form)

    def step(self, gradients: Sequence[Tensor | None], in_place: bool = False) -> None:
        self._ask("step", gradients=list(gradients), in_place=in_place)

    def zero_grad(self) -> None:
        self._ask("zero_grad")

    def set_group_option(self, group: int, name: str, value: Any) -> None:
        self._ask("set_group_option", group=group, name=name, value=value)

    def read(self, what: str) -> list:
        return self._ask("read", what=what)

    def make(self, *args: Any) -> None:
        self._ask("make", args=list(args))

    def ask(self, method: str, *args: Any, reuse: bool = False) -> Any:
        return self._ask("ask", method=method, args=list(args), reuse=reuse)


class Script(_Asking):
    """Requests written down, for `Candidate.play`: its methods are those of a `Candidate`, and return nothing.

    They cannot depend on replies, and share one time and one state of torch, which is put back at the end of all.
    """

    def __init__(self) -> None:
        self.requests: list[dict] = []

    def _ask(self, do: str, **arguments: Any) -> None:
        self.requests.append({"do": do, **arguments})


class Session(_Asking):
    """A `Candidate` behind a transport; keeps what the learner's code printed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.printed, self.dropped = "", 0

    def play(self, script: Script) -> Iterator[Any]:
        reply = self._replied({"do": "play", "requests": script.requests})
        values, fault = reply["value"], reply["fault"]
        # The reply may come from a stranger's process.
        if type(values) is not list or len(values) > len(script.requests):
            raise ValueError("not the values of a script")
        yield from values
        if fault is not None:
            raise AnswerError(Fault(**fault))
        if len(values) < len(script.requests):
            raise ValueError("values of a script are missing")

    def examine(self, *args: Any, differentiated: Sequence[int] = (), **options: Any) -> Examined:
        value = self._ask("examine", args=list(args), options=options, differentiated=list(differentiated))
        match value:  # the reply may come from a stranger's process
            case {"result": result, "arguments": list(arguments), "gradients": list(gradients)} if (
                len(arguments) == len(args)
                and len(gradients) == len(differentiated)
                and all(isinstance(gradient, Tensor) for gradient in gradients)
            ):
                return Examined(result, arguments, gradients)
        raise ValueError("not the examination of a call")

    def _ask(self, do: str, **arguments: Any) -> Any:
        reply = self._replied({"do": do, **arguments})
        if reply["fault"] is not None:
            raise AnswerError(Fault(**reply["fault"]))
        return reply["value"]

    def _replied(self, request: dict) -> dict:
        reply = self._transport(request)
        text = self.printed + reply["printed"]
        self.printed = text[:OUTPUT_LIMIT]
        self.dropped += reply["dropped"] + len(text) - len(self.printed)
        return reply
