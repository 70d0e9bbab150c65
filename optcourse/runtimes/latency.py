"""Latency that can be compared: warm, interleaved, one thread, the median."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Clock = Callable[[], float]


def interleaved_latency(
    calls: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 30,
    warm_up: int = 3,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each call, taken in turns so that what else the machine does meets all of them alike.

    torch is held to one thread meanwhile: small models gain nothing from more, and beside a busy neighbor lose much.

    Args:
        calls: name -> what to time, called without arguments.
        repeats: rounds; in each, every call is timed once.
        warm_up: calls of each before the first is timed.
        clock: seconds, such as `time.process_time` to leave out what other programs take.

    Returns:
        name -> median seconds, in the order of calls.

    Raises:
        ValueError: there are no calls, repeats is below 1 or warm_up below 0.

    Example:
        >>> ticks = iter(range(100))
        >>> interleaved_latency({"a": lambda: None, "b": lambda: next(ticks)}, repeats=3, clock=lambda: next(ticks))
        {'a': 1, 'b': 2}
    """
    if not calls or repeats < 1 or warm_up < 0:
        raise ValueError(
            f"latency needs at least one call, repeats >= 1 and warm_up >= 0, got {len(calls)} calls, "
            f"repeats={repeats}, warm_up={warm_up}"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    try:
        for call in calls.values():
            for _ in range(warm_up):
                call()
        for _ in range(repeats):
            for name, call in calls.items():
                start = clock()
                call()
                seconds[name].append(clock() - start)
    finally:
        torch.set_num_threads(threads)
    return {name: statistics.median(taken) for name, taken in seconds.items()}
