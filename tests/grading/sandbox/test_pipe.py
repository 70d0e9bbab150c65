"""The grader's end of the pipe: whatever comes, it ends by the deadline with replies or with an error of its own."""

import socket
import threading
import time

import pytest
import torch

from optcourse.grading.sandbox.bounded import call_bounded
from optcourse.grading.sandbox.pipe import HEADER, ClosedError, GarbageError, LateError, Pipe
from optcourse.grading.values import decode, encode

REQUEST = {"do": "value"}
FINE = {"value": 1, "fault": None, "printed": "", "dropped": 0}
PATIENCE = 60  # seconds; a busy machine is not late
FAULT = {"kind": "exception", "type": "ValueError", "message": "no", "line": "x", "line_number": 3}


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Pipe(ours, limit=100_000), theirs


def framed(message):
    data = encode(message)
    return HEADER.pack(len(data)) + data


def answering(theirs, reply):
    """Read one message on another thread and send what `reply(message)` gives, bytes as they are."""

    def answer():
        header = theirs.recv(HEADER.size, socket.MSG_WAITALL)
        message = decode(theirs.recv(HEADER.unpack(header)[0], socket.MSG_WAITALL))
        answered = reply(message)
        theirs.sendall(answered if isinstance(answered, bytes) else framed(answered))

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def asked(ends, reply, **further):
    pipe, theirs = ends
    thread = answering(theirs, reply)
    try:
        return pipe.ask(REQUEST, time.monotonic() + PATIENCE, **further)
    finally:
        thread.join()


def test_a_reply_comes_back(ends):
    reply = asked(ends, lambda m: {"token": m["token"], "reply": {**FINE, "value": [m["request"], torch.ones(2)]}})
    assert reply["value"][0] == REQUEST
    assert reply["value"][1].tolist() == [1, 1]


def test_a_fault_is_cut_to_length(ends):
    long = {**FAULT, "message": "x" * 90_000}
    reply = asked(ends, lambda m: {"token": m["token"], "reply": {**FINE, "fault": long}})
    assert reply["fault"]["kind"] == "exception"
    assert len(reply["fault"]["message"]) < 1000


@pytest.mark.parametrize(
    "reply",
    [
        None,
        1,
        [FINE],
        {},
        {"value": 1},
        {**FINE, "printed": 5},
        {**FINE, "printed": "x" * 5000},
        {**FINE, "dropped": -1},
        {**FINE, "dropped": True},
        {**FINE, "fault": "no"},
        {**FINE, "fault": {**FAULT, "line_number": "3"}},
        {**FINE, "fault": {**FAULT, "kind": 3}},
        {**FINE, "fault": {"kind": "exception"}},
    ],
    ids=repr,
)
def test_a_reply_of_another_form_is_refused(ends, reply):
    with pytest.raises(GarbageError):
        asked(ends, lambda m: {"token": m["token"], "reply": reply})


def test_a_reply_written_before_the_question_is_refused(ends):
    pipe, theirs = ends
    theirs.sendall(framed({"token": "0" * 16, "reply": FINE}))
    with pytest.raises(GarbageError):
        pipe.ask(REQUEST, time.monotonic() + PATIENCE)


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(2**63),
        HEADER.pack(200_000) + b"x",
        HEADER.pack(3) + b"abc",
        HEADER.pack(0),
        b"x" * 100,
        framed(5),
        framed({"token": "x", "reply": FINE}),
        framed({"token": "x", "call": {"args": [], "options": {}}}),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_garbage_is_refused(ends, data):
    with pytest.raises(GarbageError):
        asked(ends, lambda message: data)


def test_a_dripping_child_is_late_not_for_ever(ends):
    pipe, theirs = ends
    stop = threading.Event()

    def drip():
        theirs.sendall(HEADER.pack(100_000))
        while not stop.wait(0.02):
            theirs.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(LateError):
            pipe.ask(REQUEST, time.monotonic() + 0.3)
    finally:
        stop.set()
        thread.join()


def test_a_child_that_does_not_read_is_late(ends):
    pipe, _ = ends
    with pytest.raises(LateError):
        pipe.ask({"do": "call", "args": [torch.zeros(4_000_000)]}, time.monotonic() + 0.3)


def test_a_closed_pipe_is_told(ends):
    pipe, theirs = ends
    theirs.close()
    with pytest.raises(ClosedError):
        pipe.ask(REQUEST, time.monotonic() + PATIENCE)


def test_calls_are_answered_and_counted(ends):
    pipe, theirs = ends

    def converse():
        header = theirs.recv(HEADER.size, socket.MSG_WAITALL)
        token = decode(theirs.recv(HEADER.unpack(header)[0], socket.MSG_WAITALL))["token"]
        try:
            while True:
                theirs.sendall(framed({"token": token, "call": {"args": [2], "options": {"y": 3}}}))
                header = theirs.recv(HEADER.size, socket.MSG_WAITALL)
                if not header:
                    return
                received.append(decode(theirs.recv(HEADER.unpack(header)[0], socket.MSG_WAITALL)))
        except OSError:
            pass

    received = []
    thread = threading.Thread(target=converse)
    thread.start()
    with pytest.raises(GarbageError, match="too many calls"):
        pipe.ask(
            [REQUEST],
            time.monotonic() + PATIENCE,
            lambda args, options: call_bounded(lambda x, y: x * y, args, options),
        )
    pipe.close()
    thread.join()
    assert received[0] == {"value": 6, "raised": "", "message": ""}


def test_calls_that_wait_in_the_pipe_are_answered_until_the_deadline(ends, monkeypatch):
    pipe, _ = ends
    answered = []

    def slowly(args, options):
        answered.append(args)
        time.sleep(0.2)
        return {"value": None, "raised": "", "message": ""}

    one = encode({"token": "t", "call": {"args": [], "options": {}}})
    pipe._received += 100 * (HEADER.pack(len(one)) + one)
    monkeypatch.setattr("optcourse.grading.sandbox.pipe.secrets.token_hex", lambda size: "t")
    with pytest.raises(LateError):
        pipe.ask(REQUEST, time.monotonic() + 0.1, slowly)
    assert len(answered) == 1


def test_our_own_code_takes_no_more_memory_than_it_may_for_a_stranger():
    reply = call_bounded(lambda size: torch.zeros(size), [10 * 2**30], {})
    assert reply["raised"] == "RuntimeError"
    assert call_bounded(lambda size: torch.zeros(size), [3], {})["value"].tolist() == [0, 0, 0]
