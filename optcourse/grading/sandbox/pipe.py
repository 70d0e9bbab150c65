"""The pipe to a child: messages with a length before them, a deadline for each, and nothing in them believed."""

import secrets
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from optcourse.grading.limits import MESSAGE_LIMIT, OUTPUT_LIMIT
from optcourse.grading.values import BadBytesError, decode, encode

HEADER = struct.Struct(">Q")
MAX_CALLS = 1000
Called = Callable[[list, dict], dict]  # arguments -> {"value", "raised", "message"}
_TEXTS = {"kind": 20, "type": 200, "message": MESSAGE_LIMIT + 100, "line": 500}


class PipeError(Exception):
    """The child did not give a reply; it is to be ended."""


class LateError(PipeError):
    """No whole reply before the deadline."""


class ClosedError(PipeError):
    """The child has closed its end, as it does when it ends."""


class GarbageError(PipeError):
    """What came is no reply."""


class Pipe:
    """This process's end.

    Args:
        channel: a connected stream socket.
        limit: bytes of one reply.
    """

    def __init__(self, channel: socket.socket, limit: int) -> None:
        self.channel, self.limit = channel, limit
        self._received = bytearray()
        channel.setblocking(False)

    def wait_until_ready(self, deadline: float) -> None:
        """Return when the child has given up its rights.

        Raises:
            PipeError: if it has not by the deadline (of `time.monotonic`).
        """
        if self._receive(HEADER.size, deadline) != bytes(HEADER.size):
            raise GarbageError("not a greeting")

    def ask(self, request: dict, deadline: float, called: Called | None = None) -> dict:
        """The reply to a request, with the fields of `Servant.handle`.

        Args:
            deadline: of `time.monotonic`, for all of it.
            called: what the child may call meanwhile, with plain arguments; at most `MAX_CALLS` times.

        Raises:
            PipeError: if it is not there by the deadline.
            NotPlainError: if the request may not cross.
        """
        # A reply that the learner's code wrote ahead of the question cannot know what is repeated in it.
        token = secrets.token_hex(8)
        self._send(encode({"token": token, "request": request}), deadline)
        for _ in range(MAX_CALLS):
            match self._message(deadline):
                case {"token": str(repeated), "reply": dict(reply)} if repeated == token:
                    return _checked(reply)
                case {"token": str(repeated), "call": {"args": list(args), "options": dict(options)}} if (
                    repeated == token and called is not None
                ):
                    answered = called(args, options)
                    if time.monotonic() > deadline:  # calls that wait in the buffer already would never be waited for
                        raise LateError("no reply in time")
                    self._send(encode(answered), deadline)
                case _:
                    raise GarbageError("a message of another form")
        raise GarbageError("too many calls")

    def close(self) -> None:
        """Close this end."""
        self.channel.close()

    def _message(self, deadline: float) -> Any:
        (length,) = HEADER.unpack(self._receive(HEADER.size, deadline))
        if length > self.limit:
            raise GarbageError("a message is longer than one may be")
        try:
            return decode(self._receive(length, deadline))
        except BadBytesError as error:
            raise GarbageError(str(error)) from None

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(HEADER.pack(len(data)) + data)
        while view:
            try:
                view = view[self.channel.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise ClosedError("the pipe is closed") from None

    def _receive(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            self._wait(select.POLLIN, deadline)
            try:
                part = self.channel.recv(1 << 18)
            except OSError:
                part = b""
            if not part:
                raise ClosedError("the pipe is closed")
            self._received += part
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def _wait(self, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self.channel, event)
        if left <= 0 or not poll.poll(1000 * left):
            raise LateError("no reply in time")


def _checked(reply: dict) -> dict:
    if set(reply) != {"value", "fault", "printed", "dropped"}:
        raise GarbageError("a reply of another form")
    fault, printed, dropped = reply["fault"], reply["printed"], reply["dropped"]
    if type(printed) is not str or len(printed) > OUTPUT_LIMIT or type(dropped) is not int or not 0 <= dropped < 2**62:
        raise GarbageError("a reply of another form")
    return reply if fault is None else reply | {"fault": _fault(fault)}


def _fault(fault: Any) -> dict:
    if not isinstance(fault, dict) or set(fault) != {*_TEXTS, "line_number"} or type(fault["line_number"]) is not int:
        raise GarbageError("a fault of another form")
    if any(type(fault[name]) is not str for name in _TEXTS) or not 0 <= fault["line_number"] < 2**31:
        raise GarbageError("a fault of another form")
    return fault | {name: fault[name][:length] for name, length in _TEXTS.items()}
