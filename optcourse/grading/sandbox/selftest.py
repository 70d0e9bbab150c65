"""Before a run: does the box hold?  Three bounded attempts to get out are made inside, and looked for outside."""

import contextlib
import socket
import tempfile
import time
from pathlib import Path

from optcourse.grading.sandbox.importserver import ImportServer
from optcourse.grading.sandbox.pipe import PipeError

FORKS = 200
_SECONDS = 20.0
# Runs as an answer's cell does; what it prints is read as words, one a breach.  Every process it starts ends by itself.
_ATTEMPTS = """
import os, socket, time

def processes():
    started = []
    try:
        for _ in range(FORKS):
            child = os.fork()
            if child == 0:
                time.sleep(0.5)
                os._exit(0)
            started.append(child)
    except OSError:
        pass
    for child in started:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(started) > ALLOWED

def network():
    with socket.create_connection(("127.0.0.1", PORT), timeout=1.0):
        return True

def writing():
    written = False
    for path in PLACES:
        try:
            with open(path, "w") as file:
                file.write("breach")
            written = True
        except OSError:
            pass
    return written

def reading():
    with open(CANARY) as file:
        return bool(file.read())

def others():
    return any(name.isdigit() and int(name) != os.getpid() for name in os.listdir("/proc"))

for attempt in (processes, network, writing, reading, others):
    try:
        if attempt():
            print(attempt.__name__)
    except OSError:
        pass
print("done")
"""
_MEANING = {
    "processes": f"it starts more processes than it may (tried {FORKS})",
    "network": "it reaches a port of this machine",
    "writing": "it writes outside its own /tmp",
    "reading": "it reads a file of this machine's /tmp",
    "others": "it sees processes outside",
    "silent": "the attempts did not come to an end",
}


def self_test(server: ImportServer) -> list[str]:
    """What gets out of a started server's children, in words; empty when nothing does.

    Raises:
        SandboxError: if no child can be started.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, tempfile.TemporaryDirectory(prefix="optcourse-") as folder:
        canary = Path(folder, "canary")
        canary.write_text("untouched")
        Path(folder).chmod(0o777)  # so that rights alone do not keep anybody out
        canary.chmod(0o666)
        places = [str(canary), str(Path(folder, "new")), "/breach", "/dev/breach", "/usr/breach", "/var/tmp/breach"]
        values = {"FORKS": FORKS, "ALLOWED": server.limits.processes, "PORT": listener.getsockname()[1]}
        values |= {"PLACES": places, "CANARY": str(canary)}
        source = "\n".join(f"{name} = {value!r}" for name, value in values.items()) + _ATTEMPTS
        found = _attempted(server, source)
        listener.settimeout(0.0)
        if _connected(listener):
            found.add("network")
        if canary.read_text() != "untouched" or Path(folder, "new").exists():
            found.add("writing")
        for place in places[2:]:
            with contextlib.suppress(OSError):  # a read-only disk refuses before it looks whether there is anything
                Path(place).unlink()
    return [_MEANING[name] for name in _MEANING if name in found]


def _attempted(server: ImportServer, source: str) -> set[str]:
    child = server.spawn()
    request = {"do": "cell", "source": source, "name": "<self test>", "silent": [], "seconds": _SECONDS}
    try:
        reply = child.pipe.ask(request, time.monotonic() + 2 * _SECONDS)
    except PipeError:
        return {"silent"}
    finally:
        server.end(child)
    words = set(reply["printed"].split())
    return (words - {"done"}) & set(_MEANING) if "done" in words else {"silent"}


def _connected(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except OSError:
        return False
    return True
