"""`python -m optcourse.cli` does what the command `optcourse` does."""

import sys

from optcourse.cli import main

sys.exit(main())
