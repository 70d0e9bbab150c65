"""nbgrader's commands one after another in one process, since its start costs more than most of them.

    python -m tests.grading.nbgrader_commands

Each line read is a list of arguments in JSON, as after `nbgrader` in a shell; each line written is a list of the exit
status and what the command printed and logged.
"""

import json
import logging
import os
import sys
import tempfile

from traitlets.config import Application


def run(arguments: list[str]) -> tuple[int, str]:
    """Exit status and output of one command."""
    # Not sys.stdout alone: nbgrader keeps streams of its own, and its kernels inherit descriptors.
    with tempfile.TemporaryFile("w+") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        status = _launched(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        said.seek(0)
        return status, said.read()


def _launched(arguments: list[str]) -> int:
    from nbgrader.apps import NbGraderApp  # not where modules are only looked through for examples

    try:
        NbGraderApp.launch_instance(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        # The next command is another application, with options and a log of its own.
        while Application.initialized():
            type(Application.instance()).clear_instance()
        for name in list(logging.root.manager.loggerDict):
            logging.getLogger(name).handlers.clear()
    return 0


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    for line in sys.stdin:
        replies.write(json.dumps(run(json.loads(line))) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
