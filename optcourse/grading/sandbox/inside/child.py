"""One submission's process: gives up everything it could do harm with, then runs answers and replies to requests."""

import builtins
import contextlib
import linecache
import os
import random
import resource
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optcourse.grading.candidate import Servant
from optcourse.grading.limits import Fault, guarded
from optcourse.grading.sandbox.inside import NAMESPACES, guard, linux, seccomp
from optcourse.grading.values import decode, encode

HEADER = struct.Struct(">Q")  # length of the message that follows


class Silent:
    """Stands for what a lesson's notebook shows or keeps, which a class run does not have: does nothing."""

    def __call__(self, *args: Any, **options: Any) -> "Silent":
        return self

    def __getattr__(self, name: str) -> "Silent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        return iter(())


def isolate(order: dict) -> None:
    """Enter own namespaces; to be called before the fork that makes the first process in them."""
    if order["mode"] == NAMESPACES:
        if order["user"] is None:
            linux.new_user_namespace(linux.OWN_NAMESPACES)
        else:
            linux.unshare(linux.OWN_NAMESPACES)


def confine(order: dict) -> None:
    """Own disk, own user, no rights, limits, filter; in this order, each needing what the next takes away.

    Args:
        order: "mode", "user" (number to become, None to stay), "limits", "forbids", "permits",
            "kept" (folders below /tmp that stay to be seen).
    """
    linux.die_with_parent()
    limits = order["limits"]
    if order["mode"] == NAMESPACES:
        _own_disk(limits["disk"], order["forbids"], order["kept"])
    guard.forbid(order["forbids"], order["permits"])
    _own_streams()
    _set_limits(limits)
    if order["user"] is not None:
        linux.become(order["user"])
    linux.no_capabilities()
    linux.die_with_parent()  # anew: becoming another user undoes it
    if seccomp.available():
        seccomp.install()
    torch.default_generator.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def _own_disk(size: int, forbids: list[str], kept: list[str]) -> None:
    linux.private_mounts()
    hidden = guard.places(forbids)
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", "/dev/shm", "tmpfs", flags, "size=1m,nr_inodes=64,mode=1777")
    held = [os.open(place, os.O_PATH) for place in kept]  # out of sight from the next line on
    linux.mount("tmpfs", "/tmp", "tmpfs", flags, f"size={size},nr_inodes=4096,mode=1777")
    linux.mount("proc", "/proc", "proc", flags | linux.MS_NOEXEC)
    for folder, descriptor in zip(kept, held, strict=True):
        Path(folder).mkdir(parents=True)
        linux.bind(f"/proc/self/fd/{descriptor}", folder)
        os.close(descriptor)
    nothing = Path("/tmp/.hidden")
    nothing.mkdir(mode=0o755)
    (nothing / "folder").mkdir(mode=0o755)
    (nothing / "file").write_text("")
    for place in hidden:
        linux.bind(str(nothing / ("folder" if place.is_dir() else "file")), str(place))
    os.chdir("/tmp")


def _own_streams() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115


def _set_limits(limits: dict) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, value in (
        (resource.RLIMIT_AS, used + limits["memory"]),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # an administrator may have set less
            resource.setrlimit(kind, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


class Channel:
    """This process's end of the pipe: messages with a length before them."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream

    def receive(self) -> Any:
        """The next message; None when the other side has closed."""
        header = self._exactly(HEADER.size)
        data = None if header is None else self._exactly(HEADER.unpack(header)[0])
        return None if data is None else decode(data)

    def send(self, message: Any, *, is_plain: bool = False) -> None:
        data = encode(message, is_plain=is_plain)
        self.stream.sendall(HEADER.pack(len(data)) + data)

    def _exactly(self, size: int) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            part = self.stream.recv(min(size - len(data), 1 << 20))
            if not part:
                return None
            data += part
        return bytes(data)


class Elsewhere:
    """What a learner's test is run against: the code is with the grader, and only its results come here."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self.token = channel, ""

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._call

    def _call(self, *args: Any, **options: Any) -> Any:
        self._channel.send({"token": self.token, "call": {"args": list(args), "options": options}})
        reply = self._channel.receive()
        if reply["raised"]:
            kind = getattr(builtins, reply["raised"], RuntimeError)
            raise (kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError)(reply["message"])
        return reply["value"]


class Answers:
    """Runs cells in one namespace, as a notebook does, and serves the answer that was bound last."""

    def __init__(self, elsewhere: Any) -> None:
        self.elsewhere = elsewhere
        self.module = types.ModuleType("__main__")
        self.namespace = self.module.__dict__
        silent = Silent()
        for name in ("check", "progress"):
            setattr(sys.modules["optcourse.grading"], name, silent)
        self.namespace.update(dict.fromkeys(("check", "progress", "display"), silent))
        sys.modules["__main__"] = self.module
        self.servant: Servant | None = None

    def handle(self, request: dict) -> dict:
        """The reply to one request; as `Servant.handle`, and "cell" and "bind" in addition."""
        match request.get("do"):
            case "cell":
                return self._cell(request["source"], request["name"], request["silent"], request["seconds"])
            case "bind":
                return self._bind(request["expression"], request["seconds"])
        if self.servant is None:
            return _reply(Fault("exception", "RuntimeError", "no answer is bound"))
        return self.servant.handle(request)

    def _cell(self, source: str, name: str, silent: list[str], seconds: float) -> dict:
        self.namespace.update({name: Silent() for name in silent})
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)

        def run() -> None:
            exec(compile(source, name, "exec"), self.namespace)

        outcome = guarded(run, seconds=seconds)
        return _reply(outcome.fault, outcome.printed, outcome.dropped)

    def _bind(self, expression: str, seconds: float) -> dict:
        outcome = guarded(lambda: eval(expression, self.namespace), seconds=seconds)
        if outcome.fault is None:
            self.servant = Servant(outcome.value, seconds=seconds, implementations=self.elsewhere)
        return _reply(outcome.fault)


def _reply(fault: Fault | None, printed: str = "", dropped: int = 0) -> dict:
    return {"value": None, "fault": None if fault is None else vars(fault), "printed": printed, "dropped": dropped}


def serve(stream: socket.socket) -> None:
    """Answer requests until the other side closes."""
    channel = Channel(stream)
    elsewhere = Elsewhere(channel)
    answers = Answers(elsewhere)
    while (message := channel.receive()) is not None:
        elsewhere.token = message["token"]
        reply = answers.handle(message["request"])
        channel.send({"token": message["token"], "reply": reply}, is_plain=True)
