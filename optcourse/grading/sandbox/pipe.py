"""The pipe to a child: messages with a length before them, a deadline for each, and nothing in them believed."""

import socket
import struct
import time
from typing import Any

from optcourse.grading.limits import MESSAGE_LIMIT, OUTPUT_LIMIT
from optcourse.grading.values import BadBytesError, decode, encode

HEADER = struct.Struct(">Q")
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

    def wait_until_ready(self, deadline: float) -> None:
        """Return when the child has given up its rights.

        Raises:
            PipeError: if it has not by the deadline (of `time.monotonic`).
        """
        if self._receive(HEADER.size, deadline) != bytes(HEADER.size):
            raise GarbageError("not a greeting")

    def ask(self, request: dict, deadline: float) -> dict:
        """The reply to a request, with the fields of `Servant.handle`.

        Raises:
            PipeError: if there is none by the deadline (of `time.monotonic`).
            NotPlainError: if the request may not cross.
        """
        data = encode(request)
        self._send(HEADER.pack(len(data)) + data, deadline)
        (length,) = HEADER.unpack(self._receive(HEADER.size, deadline))
        if length > self.limit:
            raise GarbageError("a reply is longer than a reply may be")
        try:
            return _checked(decode(self._receive(length, deadline)))
        except BadBytesError as error:
            raise GarbageError(str(error)) from None

    def close(self) -> None:
        """Close this end."""
        self.channel.close()

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(deadline)
            try:
                view = view[self.channel.send(view) :]
            except TimeoutError:
                raise LateError("the request was not taken") from None
            except OSError:
                raise ClosedError("the pipe is closed") from None

    def _receive(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(deadline)
            try:
                part = self.channel.recv(min(size - len(data), 1 << 20))
            except TimeoutError:
                raise LateError("no reply") from None
            except OSError:
                part = b""
            if not part:
                raise ClosedError("the pipe is closed")
            data += part
        return bytes(data)

    def _wait(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise LateError("no reply")
        self.channel.settimeout(left)


def _checked(reply: Any) -> dict:
    """A reply whose fields have the right types and lengths; its value may be any plain one.

    Raises:
        GarbageError: if it is none.
    """
    if not isinstance(reply, dict) or set(reply) != {"value", "fault", "printed", "dropped"}:
        raise GarbageError("a reply of another form")
    fault, printed, dropped = reply["fault"], reply["printed"], reply["dropped"]
    if type(printed) is not str or len(printed) > OUTPUT_LIMIT or type(dropped) is not int or not 0 <= dropped < 2**62:
        raise GarbageError("a reply of another form")
    if fault is not None:
        if (
            not isinstance(fault, dict)
            or set(fault) != {*_TEXTS, "line_number"}
            or type(fault["line_number"]) is not int
        ):
            raise GarbageError("a fault of another form")
        if any(type(fault[name]) is not str for name in _TEXTS) or not 0 <= fault["line_number"] < 2**31:
            raise GarbageError("a fault of another form")
        fault = fault | {name: fault[name][:length] for name, length in _TEXTS.items()}
    return reply | {"fault": fault}
