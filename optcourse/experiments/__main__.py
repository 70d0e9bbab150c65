"""`python -m optcourse.experiments [ID or LESSON ...]`: measures claims on disjoint sets of seeds and records them."""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from optcourse.catalogue import lessons
from optcourse.experiments import COMMAND, claims, is_curve, make_record, record_path, sweeps, versions
from optcourse.experiments.recorded_runs import read, save_runs
from optcourse.lab.claims import LEAST_MARGIN, SEED_SETS, Band, Claim, ClaimRecord, Result
from optcourse.lab.code_hash import code_hash
from optcourse.lab.records import Run

SEEDS_PER_SET = 3
SWEEP_SEEDS = 5


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m optcourse.experiments", description=__doc__)
    parser.add_argument("wanted", nargs="*", help="claim ids or lesson slugs; all when none is given")
    parser.add_argument("--stale", action="store_true", help="only those without a record of the code as it is now")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ready = [lesson.slug for lesson in lessons() if lesson.ready]
    table = {id: claim for slug in ready for id, claim in claims(slug).items()}
    trainings = {id: train for slug in ready for id, train in sweeps(slug).items()}
    unknown = [want for want in options.wanted if not any(_asked(id, want) for id in [*table, *trainings])]
    if unknown:
        parser.error(f"no claim or lesson {', '.join(unknown)}; there are {', '.join([*table, *trainings])}")

    def chosen(id: str) -> bool:
        asked = not options.wanted or any(_asked(id, want) for want in options.wanted)
        return asked and not (options.stale and is_fresh(id, module_of(table.get(id) or trainings[id])))

    for id in filter(chosen, trainings):
        record_trainings(id, trainings[id])
    unfit = [id for id in filter(chosen, table) if not record(table[id])]
    if unfit:
        print(f"not fit to be committed (verdict changes with the seeds, or margin too thin): {', '.join(unfit)}")
    return 1 if unfit else 0


def _asked(id: str, want: str) -> bool:
    return id == want or id.startswith(want + ".")


def module_of(measured: Claim | Callable) -> str:
    """Module whose code the numbers depend on."""
    function = measured.measure if isinstance(measured, Claim) else measured
    return getattr(function, "func", function).__module__


def is_fresh(id: str, module: str) -> bool:
    """Whether a record exists that was measured with the code of this module as it is now."""
    path = record_path(id)
    return path.exists() and read(path)["code"] == code_hash(module)


def record_trainings(id: str, train: Callable[[int], tuple[Run, ...]]) -> None:
    """Run trainings over `SWEEP_SEEDS` seeds and store them."""
    start = time.perf_counter()
    runs = [run for seed in range(SWEEP_SEEDS) for run in train(seed)]
    stamp: dict[str, Any] = {"code": code_hash(module_of(train)), "command": COMMAND, "versions": versions()}
    save_runs(record_path(id), runs, **stamp, whole=is_curve(id))
    print(f"{id}: {len(runs)} trainings, {time.perf_counter() - start:.1f} s", flush=True)


def record(claim: Claim) -> bool:
    """Measures a claim on `SEED_SETS` disjoint sets of seeds, stores it, and says whether it is fit to be committed."""
    start = time.perf_counter()
    values = {seed: float(claim.measure(seed)) for seed in range(SEED_SETS * SEEDS_PER_SET)}
    made = make_record(claim, values, SEEDS_PER_SET)
    made.save(record_path(claim.id))
    seconds = time.perf_counter() - start
    faults = weaknesses(claim, made)
    band = Band.of(values)
    print(f"{claim.id}: {band.mean:.4g} [{band.low:.4g}, {band.high:.4g}] asked {claim.asks}, {seconds:.1f} s")
    for fault in faults:
        print(f"  {fault}")
    sys.stdout.flush()
    return not faults


def weaknesses(claim: Claim, made: ClaimRecord) -> list[str]:
    """Why a record does not carry its claim; empty when it does."""
    bands = [Band.of(values) for values in made.sets()]
    verdicts = [band.verdict(claim.asks) for band in bands]
    faults = []
    if len(bands) != SEED_SETS:
        faults.append(f"{len(bands)} disjoint sets of seeds, {SEED_SETS} are needed")
    if claim.expected == "undecided":
        if Result(claim, made.values).verdict != "undecided":
            faults.append("it is not undecided; say what it shows")
        return faults
    if set(verdicts) != {claim.expected}:
        faults.append(f"verdicts {verdicts}, the lesson says {claim.expected}")
    margin = min(band.margin(claim.asks) for band in bands)
    if not margin >= LEAST_MARGIN:
        faults.append(f"margin {margin:.2f} band widths, at least {LEAST_MARGIN:g} are needed")
    return faults


if __name__ == "__main__":
    sys.exit(main())
