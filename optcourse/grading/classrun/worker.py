"""A grader in a process of its own: `python -m optcourse.grading.classrun.worker`, spoken to in JSON lines.

First line in: the settings. Then one line a submission in, one line with its result out. It ends when it is told to,
after `IDLE` seconds without work, and at the latest `GRACE` seconds after whoever started it has gone, however it went.
"""

import contextlib
import fcntl
import importlib
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

GRACE = 3.0
IDLE = 600.0


def main() -> None:
    """Serve until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what anything prints is no reply
    settings = json.loads(sys.stdin.readline())
    requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # nobody is there to read any more
        _serve(settings, requests, replies)


def _serve(settings: dict[str, Any], requests: "queue.Queue[dict[str, Any] | None]", replies: Any) -> None:
    from optcourse.grading.submission import HiddenCases

    module, _, name = settings["factory"].partition(":")
    hidden = HiddenCases(**settings["hidden"]) if settings["hidden"] else None
    slot, _held = claim_slot()
    with contextlib.ExitStack() as stack:
        try:
            opened = getattr(importlib.import_module(module), name)(unsafe=settings["unsafe"], slot=slot)
            grader = stack.enter_context(opened)
        except Exception as error:  # refusing to grade without isolation among them
            _say(replies, {"refused": str(error)})
            return
        _say(replies, {"ready": True})
        while (request := _next(requests)) is not None:
            about = {"learner": request["learner"], "exercises": request["exercises"]}
            try:
                result = grader.grade(Path(request["path"]), hidden=hidden, **about)
            except Exception as error:  # no submission should be able to; this grader is not trusted any more
                _say(replies, {"failed": f"{type(error).__name__}: {error}"})
                return
            _say(replies, {"result": result.to_json()})


def _next(requests: "queue.Queue[dict[str, Any] | None]") -> dict[str, Any] | None:
    try:
        return requests.get(timeout=IDLE)
    except queue.Empty:
        return None


def _say(replies: Any, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _listen(requests: "queue.Queue[dict[str, Any] | None]") -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    requests.put(None)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)  # in the middle of a submission, and nobody waits for it any more


def claim_slot() -> tuple[int, int]:
    """The lowest number that no other worker on this machine has, and the open file that holds it until it is closed.

    A grader gives each slot a user of its own inside the sandbox, so two runs must not share one.
    """
    folder = Path(tempfile.gettempdir()) / f"optcourse-slots-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; set TMPDIR to a folder of yours")
    for slot in range(1000):
        file = os.open(folder / str(slot), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return slot, file
        except OSError:
            os.close(file)
    raise RuntimeError(f"a thousand workers hold a slot in {folder}; stop some")


if __name__ == "__main__":
    main()
