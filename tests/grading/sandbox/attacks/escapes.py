"""Answers that look for what they should not see, and for a way out."""

from tests.grading.sandbox.attacks.attack import code, right_and
from tests.grading.sandbox.submissions import SOLUTION

SEARCH = code(
    """
            import gc, os, sys
            found = []
            frame = sys._getframe()
            while frame is not None:
                found += [str(value) for value in frame.f_locals.values() if isinstance(value, (str, int))]
                frame = frame.f_back
            for item in gc.get_objects():
                inside = item.values() if type(item) is dict else item if type(item) in (list, tuple) else ()
                found += [text for text in inside if type(text) is str]
            found += list(os.environ.values()) + sys.argv
            for folder, _, files in os.walk('/proc'):
                for name in files:
                    if name in ('cmdline', 'environ'):
                        try:
                            with open(os.path.join(folder, name), errors='replace') as file: found.append(file.read())
                        except OSError: pass
            secret = ' '.join(['a seed that', 'nobody knows'])
            print('seen' if any(secret in text for text in found) else 'not seen')"""
)

ESCAPES = [
    right_and(
        "looks for the hidden cases",
        SEARCH,
        printed="not seen",
        hidden=True,
    ),
    right_and(
        "looks for the checks",
        code(
            """
            import sys
            secrets = [f'optcourse.grading.{name}' for name in ('checks', 'engine', 'diagnosis', 'definitions')]
            secrets += ['optcourse.experiments', 'tests']
            print(sorted(name for name in sys.modules if name.startswith(tuple(secrets))))
            for name in (*secrets, 'optcourse.grading.checks.optimizers'):
                try:
                    __import__(name)
                    print('imported', name)
                except ImportError: pass"""
        ),
        printed="[]",
    ),
    right_and(
        "signals, traces and lists others",
        code(
            """
            import ctypes, os, signal
            for target in (os.getppid() or 2, -1, 2, 3, 5):
                try:
                    os.kill(target, signal.SIGKILL)
                    if target != -1: print('signalled', target)
                except OSError: pass
            libc = ctypes.CDLL(None)
            if libc.ptrace(16, 1, 0, 0) == 0: print('traced')
            print([n for n in os.listdir('/proc') if n.isdigit()])"""
        ),
        printed="['1']",
    ),
    right_and(
        "talks to this machine's network",
        code(
            """
            import socket
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for port in (22, 53, 80, 8888):
                    try:
                        with socket.socket(socket.AF_INET, kind) as one:
                            one.settimeout(1.0)
                            one.connect(('127.0.0.1', port))
                            print('connected', port)
                    except OSError: pass
            print('done')"""
        ),
        printed="done",
    ),
    right_and(
        "writes to results and to another's submission",
        code(
            f"""
            import os
            places = ['/results/marks.csv', 'results/results.jsonl', '../marks.csv', {str(SOLUTION)!r}]
            for place in places + [place for place in os.environ.values() if place.startswith('/')]:
                try:
                    with open(place, 'r+'): print('opened', place)
                except OSError: pass
            print('done')"""
        ),
        printed="done",
    ),
    right_and(
        "new namespaces and mounts",
        code(
            """
            import ctypes
            libc = ctypes.CDLL(None)
            print([libc.unshare(0x10000000), libc.unshare(0x20000), libc.chroot(b'/tmp')])
            print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))"""
        ),
        printed="[-1, -1, -1]\n-1",
    ),
    right_and(
        "executes another program",
        code(
            """
            import os, subprocess
            try:
                subprocess.run(['/bin/echo', 'ran'])
                print('ran')
            except OSError: pass
            try:
                os.execv('/bin/true', ['true'])
            except OSError: print('refused')"""
        ),
        printed="refused",
    ),
    right_and(
        "leaves a process behind",
        code(
            """
            import os, time
            try:
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(60)
                    os._exit(0)
                print('left')
            except OSError: print('refused')"""
        ),
        printed="refused",
    ),
]
