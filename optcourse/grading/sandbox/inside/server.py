"""The import server: loads torch once, then forks a process a submission.  It never runs a learner's code.

Orders come over a socket as JSON: {"do": "spawn", "id": ..., ...} with one end of a pipe for the child and, if there is
one, the entrance to its control group; {"do": "kill", "id": ...}.  Told back: {"ready": true} once, {"id": ...,
"status": ...} when a child has ended, where status is the exit code, or minus the number of the signal that ended it.
"""

import array
import contextlib
import gc
import json
import os
import select
import signal
import socket
import traceback

import torch

from optcourse.grading.candidate import Servant
from optcourse.grading.sandbox.inside import child, guard, linux

MAX_ORDER = 1 << 16


def main(descriptor: str, mode: str) -> None:
    """Serve until the socket is closed."""
    linux.die_with_parent()
    torch.set_num_threads(1)
    Servant(torch.optim.Optimizer, seconds=1.0)  # what torch imports for the first optimizer is imported here, once
    gc.collect()
    gc.freeze()  # else the first collection in a child writes to, and so copies, every page it shares with this process
    linux.huge_pages()
    control = socket.socket(fileno=int(descriptor))
    control.send(json.dumps({"ready": True}).encode())
    keepers: dict[int, tuple[int, int]] = {}  # id -> process that waits for the child, descriptor that tells its end
    while True:
        readable, _, _ = select.select([control.fileno(), *(told for _, told in keepers.values())], [], [])
        for number, (keeper, told) in list(keepers.items()):
            if told in readable:
                status = _told(told)
                os.close(told)
                os.waitpid(keeper, 0)
                del keepers[number]
                control.send(json.dumps({"id": number, "status": status}).encode())
        if control.fileno() in readable:
            data, passed = _order(control)
            if not data:
                return
            order = json.loads(data)
            if order["do"] == "spawn":
                keepers[order["id"]] = _spawn(order | {"mode": mode}, passed, control)
            elif order["id"] in keepers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(keepers[order["id"]][0], signal.SIGTERM)
            for number in passed:
                os.close(number)


def _order(control: socket.socket) -> tuple[bytes, list[int]]:
    data, further, _, _ = control.recvmsg(MAX_ORDER, socket.CMSG_SPACE(8))
    passed = array.array("i")
    for level, kind, content in further:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            passed.frombytes(content[: len(content) - len(content) % passed.itemsize])
    return data, list(passed)


def _told(descriptor: int) -> int:
    text = os.read(descriptor, 16)
    return int(text) if text else -signal.SIGKILL


def _spawn(order: dict, passed: list[int], control: socket.socket) -> tuple[int, int]:
    guard.loaded(tuple(order["forbids"]))
    told, tell = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            os.close(told)
            _keep(order, passed, tell, control)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(tell)
    return keeper, told


def _keep(order: dict, passed: list[int], tell: int, control: socket.socket) -> None:
    """Start the child in its own namespaces, wait for it, kill it when told to."""
    linux.die_with_parent()
    linux.untraceable()
    control.close()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    child.isolate(order)
    first = os.fork()
    if first == 0:
        try:
            os.close(tell)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
            _live(order, *passed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    for descriptor in passed:
        os.close(descriptor)
    while signal.sigwait({signal.SIGTERM, signal.SIGCHLD}) == signal.SIGTERM:
        os.kill(first, signal.SIGKILL)
    _, status = os.waitpid(first, 0)
    os.write(tell, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _live(order: dict, pipe: int, entrance: int | None = None) -> None:
    if entrance is not None:
        with contextlib.suppress(OSError):  # the grader sees who did not enter
            os.write(entrance, b"0")
    channel = socket.socket(fileno=os.dup2(pipe, 3) if pipe != 3 else pipe)
    os.closerange(4, 1 << 16)
    child.confine(order)
    channel.sendall(child.HEADER.pack(0))  # an empty message: ready
    child.serve(channel)
    os._exit(0)
