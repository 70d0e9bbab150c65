"""Answers that never end, end too much, or take too much."""

from tests.grading.sandbox.attacks.attack import MEMORY, RIGHT, UNTIL, answer, code, in_step, right_and

LOOPS = [
    right_and("loop at the top", UNTIL + "while time.monotonic() < END: pass", "timed out"),
    answer("loop in a function", UNTIL + in_step("while time.monotonic() < END: pass"), "timed out"),
    answer(
        "loop that swallows interrupts",
        UNTIL
        + in_step(
            code(
                """
            while time.monotonic() < END:
                try:
                    time.sleep(1e-4)
                except BaseException: pass"""
            )
        ),
        "timed out",
    ),
    right_and(
        "loop in C code",
        "import collections, itertools\ncollections.deque(itertools.repeat(1, 10**10), maxlen=0)",
        "timed out",
    ),
    answer(
        "loop in C code of torch",
        in_step("for _ in range(600): torch.randn(300, 300, dtype=torch.float64).matrix_exp().det()")
        + "\n    BIG = 10**6",
        "timed out",
    ),
    right_and(
        "loop in a thread beside a right answer",
        UNTIL
        + code(
            """
            import threading
            def spin():
                while time.monotonic() < END: time.sleep(0.001)
            threading.Thread(target=spin).start()"""
        ),
    ),
    right_and("sleep", "import time\ntime.sleep(60)", "timed out"),
    answer("sleep while the class is made", RIGHT + "\nimport time\ntime.sleep(60)", "timed out"),
    right_and(
        "the signal of the timer taken away",
        UNTIL
        + code(
            """
            import signal
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_REAL, 0)
            while time.monotonic() < END: pass"""
        ),
        "timed out",
    ),
    answer(
        "an object whose text loops",
        UNTIL
        + code(
            """
            class Slow(Exception):
                def __str__(self):
                    while time.monotonic() < END: pass
        """
        )
        + in_step("raise Slow"),
        "timed out",
    ),
]

CRASHES = [
    right_and("os._exit at the top", "import os\nos._exit(0)", "crashed", message="exit code 0"),
    answer("os._exit in step", in_step("import os\nos._exit(3)"), "crashed", message="exit code 3"),
    right_and("segmentation fault", "import ctypes\nctypes.string_at(0)", "crashed", message="SIGSEGV"),
    answer("abort in step", in_step("import os\nos.abort()"), "crashed"),
    right_and("sys.exit before the class", "import sys\nsys.exit(0)", "error", message="code tried to end the prog"),
    answer("sys.exit in step", in_step("raise SystemExit"), "error", message="end the program"),
    answer("exit in step", in_step("exit()"), "error", message="end the program (SystemExit). Line"),
    right_and("input at the top", "rate = float(input('rate? '))", "error", message="waits for input, and nobody is"),
    answer("input in step", in_step("breakpoint()"), "error", message="waits for input"),
    right_and("KeyboardInterrupt", "raise KeyboardInterrupt", "error"),
    answer("recursion without end", in_step("return self.step()"), "error", message="RecursionError"),
    right_and("kills itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    right_and("closes every descriptor", "import os\nos.closerange(0, 100)", "crashed"),
    answer(
        "an error that cannot be printed",
        "class E(Exception):\n    def __str__(self): raise self\n" + in_step("raise E"),
        "error",
    ),
]

RESOURCES = [
    right_and(
        "fork bomb",
        code(
            """
            import os, time
            started = 0
            for _ in range(200):
                try:
                    child = os.fork()
                except OSError:
                    break
                if child == 0:
                    time.sleep(1)
                    os._exit(0)
                started += 1
            print('started', started)"""
        ),
        printed="started 0",
    ),
    right_and(
        "thread bomb",
        code(
            """
            import threading, time
            started = 0
            try:
                for _ in range(200):
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    started += 1
            except RuntimeError:
                pass
            print('few' if started < 20 else 'many')"""
        ),
        printed="few",
    ),
    right_and("100 MB of output", "for _ in range(1000):\n    print('x' * 100_000)"),
    right_and(
        "100 MB written to descriptors",
        code(
            """
            import os
            for _ in range(1000):
                os.write(1, b'x' * 100_000)
                os.write(2, b'x')"""
        ),
    ),
    right_and("20 GB of a tensor", "big = torch.ones(20 * 2**30 // 4)", "out of memory"),
    right_and("20 GB of bytes", "big = bytes(20 * 2**30)", "out of memory"),
    answer(
        "20 GB in small pieces",
        in_step("pieces = []\nwhile len(pieces) < 20_000: pieces.append(bytearray(2**20))"),
        "out of memory",
    ),
    right_and(
        "disk fill",
        code(
            """
            written = 0
            try:
                for number in range(100):
                    with open(f'/tmp/fill{number}', 'wb') as file:
                        for _ in range(10):
                            file.write(bytes(2**20))
                            written += 1
            except OSError:
                pass
            print('stopped' if written < 100 else 'filled')"""
        ),
        printed="stopped",
    ),
    right_and(
        "disk fill in shared memory",
        code(
            """
            written = 0
            try:
                with open('/dev/shm/fill', 'wb') as file:
                    for _ in range(1000):
                        file.write(bytes(2**20))
                        file.flush()
                        written += 1
            except OSError:
                pass
            print('stopped' if written < 20 else 'filled')"""
        ),
        printed="stopped",
    ),
    right_and(
        "memory outside the limits",
        code(
            """
            import os
            try:
                os.memfd_create('x')
                print('got it')
            except OSError:
                print('refused')"""
        ),
        printed="refused",
    ),
    right_and(
        "limits raised",
        code(
            """
            import resource
            for name in ('RLIMIT_AS', 'RLIMIT_NPROC', 'RLIMIT_CPU', 'RLIMIT_FSIZE'):
                try:
                    resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY,) * 2)
                    print('raised', name)
                except (ValueError, OSError):
                    pass
            print('tried')"""
        ),
        printed="tried",
    ),
    answer("a reply of 64 MB", "state_megabytes = 'x' * 60_000_000", "crashed", exercise=MEMORY),
    answer(
        "a value that holds itself",
        "state_megabytes = []\nstate_megabytes.append(state_megabytes)",
        "error",
        exercise=MEMORY,
    ),
    answer("a number of a million digits", "state_megabytes = 10**1_000_000", "failed", exercise=MEMORY),
]
