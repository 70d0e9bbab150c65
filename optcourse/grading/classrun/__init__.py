"""Grading a class: what was handed in, by whom, graded in parallel, and nothing lost when it is interrupted.

collect, Collection        notebooks below a folder, in the layouts of Canvas, Moodle and nbgrader
read_roster, Roster        who is expected
run, Settings              grades all of it into a journal, on this machine or on a Dask cluster
rows, Row                  one row for each learner and lesson
"""

from optcourse.grading.classrun.collect import LAYOUTS, Collection, Handed, collect
from optcourse.grading.classrun.crew import Settings
from optcourse.grading.classrun.journal import Journal
from optcourse.grading.classrun.roster import Learner, Roster, read_roster
from optcourse.grading.classrun.rows import Row, rows
from optcourse.grading.classrun.run import Interrupted, Outcome, run

__all__ = [
    "LAYOUTS",
    "Collection",
    "Handed",
    "Interrupted",
    "Journal",
    "Learner",
    "Outcome",
    "Roster",
    "Row",
    "Settings",
    "collect",
    "read_roster",
    "rows",
    "run",
]
