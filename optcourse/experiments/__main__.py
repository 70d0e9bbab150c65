"""`python -m optcourse.experiments [ID or LESSON ...]`: measures claims on disjoint sets of seeds and records them."""

import argparse
import sys
import time

import torch

from optcourse.catalogue import lessons
from optcourse.experiments import claims, make_record, record_path
from optcourse.lab.claims import LEAST_MARGIN, SEED_SETS, Band, Claim, ClaimRecord, code_hash

SEEDS_PER_SET = 3


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m optcourse.experiments", description=__doc__)
    parser.add_argument("wanted", nargs="*", help="claim ids or lesson slugs; all when none is given")
    parser.add_argument("--stale", action="store_true", help="only those without a record of the code as it is now")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    table = {id: claim for lesson in lessons() if lesson.ready for id, claim in claims(lesson.slug).items()}
    unknown = [want for want in options.wanted if not any(_asked(id, want) for id in table)]
    if unknown:
        parser.error(f"no claim or lesson {', '.join(unknown)}; there are {', '.join(table)}")
    chosen = [c for id, c in table.items() if not options.wanted or any(_asked(id, w) for w in options.wanted)]
    if options.stale:
        chosen = [claim for claim in chosen if not is_fresh(claim)]
    unfit = [claim.id for claim in chosen if not record(claim)]
    if unfit:
        print(f"not fit to be committed (verdict changes with the seeds, or margin too thin): {', '.join(unfit)}")
    return 1 if unfit else 0


def _asked(id: str, want: str) -> bool:
    return id == want or id.startswith(want + ".")


def is_fresh(claim: Claim) -> bool:
    """Whether a record of this claim exists that was measured with the code as it is now."""
    path = record_path(claim.id)
    return path.exists() and ClaimRecord.load(path).code == code_hash(claim.measure.__module__)


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
    if set(verdicts) != {claim.expected}:
        faults.append(f"verdicts {verdicts}, the lesson says {claim.expected}")
    margin = min(band.margin(claim.asks) for band in bands)
    if not margin >= LEAST_MARGIN:
        faults.append(f"margin {margin:.2f} band widths, at least {LEAST_MARGIN:g} are needed")
    return faults


if __name__ == "__main__":
    sys.exit(main())
