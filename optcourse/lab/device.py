"""Where a lesson runs: device, seeds, profile, and the first cell of every notebook."""

import os
import platform
import random
import re
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from optcourse import __version__
from optcourse.lab.errors import require_integer, unknown
from optcourse.lab.place import home, on_colab

__all__ = [
    "begin",
    "describe_machine",
    "device",
    "generator",
    "home",
    "on_colab",
    "profile",
    "seed_everything",
    "seeds",
]

Profile = Literal["fast", "full"]

_PROFILES: tuple[Profile, ...] = ("fast", "full")
_LARGEST_SEED = 2**32 - 1  # numpy's limit; torch would take more


def device(name: str | torch.device | None = None) -> torch.device:
    """The device to compute on: the one asked for, else OPTCOURSE_DEVICE, else a CUDA GPU, else the CPU.

    Apple's GPU is used when asked for (`OPTCOURSE_DEVICE=mps`) and never by default: it has no float64, which the
    reference texts are checked in.

    Args:
        name: as `torch.device` takes it ("cpu", "cuda:1", "meta"); None chooses as above.

    Raises:
        ValueError: when the name is not a device of torch's, or this machine has no such device.

    Example:
        >>> device("cpu")
        device(type='cpu')
    """
    asked_by = "device"
    if name is None:
        name = os.environ.get("OPTCOURSE_DEVICE") or None
        asked_by = "OPTCOURSE_DEVICE"
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{asked_by} must name a torch device such as cpu or cuda:0, got {name!r}") from error
    if chosen.type not in ("cpu", "meta"):
        try:
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError, NotImplementedError) as error:  # a torch without CUDA asserts
            raise ValueError(
                f"{asked_by} is {name!r}, which this machine does not offer; use {asked_by}=cpu"
            ) from error
    return chosen


def seed_everything(seed: int) -> None:
    """Seed the global generators of `random`, numpy and torch (all devices). Mutates all three.

    Library code takes explicit generators instead; this is for what a reader writes in a notebook.

    Raises:
        TypeError, ValueError: unless seed is an integer in [0, 2**32 - 1].
    """
    seed = require_integer("seed", seed, low=0, high=_LARGEST_SEED)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator of its own, seeded; the global one is left alone.

    Example:
        >>> bool(torch.rand(1, generator=generator(3)) == torch.rand(1, generator=generator(3)))
        True
    """
    seed = require_integer("seed", seed, low=0, high=_LARGEST_SEED)
    return torch.Generator(device=device).manual_seed(seed)


def profile() -> Profile:
    """`OPTCOURSE_PROFILE`: "fast" (the default; stored outputs are those of fast) or "full" (more seeds).

    Raises:
        ValueError: on any other value.
    """
    value = os.environ.get("OPTCOURSE_PROFILE") or "fast"
    for known in _PROFILES:
        if value == known:
            return known
    raise unknown("OPTCOURSE_PROFILE", value, _PROFILES)


def seeds(fast: int = 3, full: int = 5) -> range:
    """The seeds an experiment runs over: `range(fast)` or `range(full)` as `profile()` says.

    Raises:
        TypeError, ValueError: unless both are integers and 1 <= fast <= full.
    """
    fast = require_integer("fast", fast, low=1)
    full = require_integer("full", full, low=fast)
    return range(full if profile() == "full" else fast)


def describe_machine() -> dict[str, Any]:
    """What a measurement depends on: releases, processor, cores, threads, device. A lesson prints it only marked."""
    chosen = device()
    return {
        "optcourse": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "device": str(chosen),
        "device_name": torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else _processor(),
        "colab": on_colab(),
    }


def _cores() -> int:
    """Cores this process may run on, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def begin(lesson: str, version: str, seed: int = 0) -> None:
    """The first cell of a notebook: compare versions, seed, choose threads, print one line on where this runs.

    Values that differ from machine to machine stand between ⟨ and ⟩, where a comparison of stored outputs leaves
    them out. Mutates the global generators and torch's number of threads.

    Args:
        lesson: number and slug, as in "04 optimizers".
        version: of optcourse, as the notebook was stored with.
        seed: for the global generators.

    Raises:
        ValueError: when version is not a release number such as "0.1.0".
    """
    seed_everything(seed)
    _set_threads()
    release = ".".join(torch.__version__.split(".")[:2])
    line = f"optcourse {__version__}, lesson {lesson}, seed {seed}, device ⟨{device()}⟩, torch ⟨{release}⟩"
    sys.stdout.write("\n".join([line, *_version_advice(version)]) + "\n")


def _version_advice(version: str) -> list[str]:
    """No line when notebook and package agree; else one that says which is older and how to mend it."""
    notebook, package = _release(version), _release(__version__)
    if notebook == package:
        return []
    if notebook > package:
        return [
            f"This notebook is of optcourse {version}, newer than the {__version__} that is installed. "
            f"Mend it with: pip install --upgrade optcourse   and restart the kernel."
        ]
    return [
        f"This notebook is of optcourse {version}, older than the {__version__} that is installed. "
        f"Reopen the lesson with: optcourse lab   (the new one is put beside yours; nothing of yours is overwritten)."
    ]


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version) if isinstance(version, str) else None
    if found is None:
        raise ValueError(f'version must be a release number such as "{__version__}", got {version!r}')
    return tuple(int(part) for part in found.group().split("."))


def _set_threads() -> None:
    # The course's models are small: two intra-op threads beside one busy neighbour ran the same training 5 to 60 times
    # slower, because each waits for the other at a barrier. A second core is better spent on a second process.
    chosen = os.environ.get("OPTCOURSE_THREADS")
    if chosen:
        if not chosen.isdecimal():
            raise ValueError(f"OPTCOURSE_THREADS must be a whole number of threads, at least 1, got {chosen!r}")
        torch.set_num_threads(require_integer("OPTCOURSE_THREADS", int(chosen), low=1))
    elif not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)
