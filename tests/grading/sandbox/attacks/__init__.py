"""Hostile and broken submissions, each with the mark and the status that it must get.

Every sample bounds itself, so that a sandbox that fails harms nobody: a fork bomb tries at most 200 times and its
processes end after a second, a disk filler stops at 1 GB, a loop ends after 60 s, network goes to loopback only.
"""

from tests.grading.sandbox.attacks.cells import CELLS, FILES
from tests.grading.sandbox.attacks.cheats import CHEATS, FORBIDDEN
from tests.grading.sandbox.attacks.escapes import ESCAPES
from tests.grading.sandbox.attacks.faults import CRASHES, LOOPS, RESOURCES

ATTACKS = (*CELLS, *FILES, *LOOPS, *CRASHES, *RESOURCES, *CHEATS, *FORBIDDEN, *ESCAPES)
