"""Checks that name the mistake, cards that show it, points that stay."""

from optcourse.grading.card import Card
from optcourse.grading.engine import check
from optcourse.grading.points import Progress, progress

__all__ = ["Card", "Progress", "check", "progress"]
