"""``python -m anlage``."""

import sys

from anlage.cli import main

sys.exit(main())
