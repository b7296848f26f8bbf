"""How a verb is offered."""

import argparse
from collections.abc import Callable


class Verbs:
    """The verbs of a parser. What a verb's help says is the docstring of its function."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(self, name: str, function: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        """Offer ``anlage name``, which calls ``function`` with what was typed."""
        help = (function.__doc__ or "").rstrip(".")
        verb = self._verbs.add_parser(name, help=help, description=function.__doc__)
        verb.set_defaults(function=function)
        return verb
