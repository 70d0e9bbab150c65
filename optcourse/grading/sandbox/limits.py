"""What a submission may take."""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """What a submission may take.  Seconds are those of the processor; on the clock it may be `patience` times as many.

    Attributes:
        cell: seconds for one answer cell.
        exercise: seconds for one set of cases, where the catalogue allows more.
        submission: seconds on the clock for all of a notebook; what is left then counts as timed out.
        patience: how many times longer a wait may take on the clock, since a busy machine lets a process wait.
        memory: bytes on top of what torch takes.
        disk: bytes in /tmp, which is all that can be written to.
        file: bytes of one file.
        message: bytes of one reply.
        processes: threads at once.
    """

    cell: float = 10.0
    exercise: float = 30.0
    submission: float = 300.0
    patience: float = 3.0
    memory: int = 2 * 2**30
    disk: int = 64 * 2**20
    file: int = 32 * 2**20
    message: int = 16 * 2**20
    processes: int = 16

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise ValueError(f"{entry.name} is a number > 0, got {value!r}")

    def of_a_child(self) -> dict[str, int]:
        """What the kernel enforces on one process."""
        cpu = math.ceil(self.submission)
        return {
            **{"memory": int(self.memory), "disk": int(self.disk), "file": int(self.file)},
            **{"processes": int(self.processes), "cpu": cpu},
        }
