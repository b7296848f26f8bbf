"""``python -m anlage``."""

import sys

from anlage.cli.main import main

sys.exit(main())
