"""How far something is."""

import sys
import time


class Meter:
    """One line that says how far something is and how long it will take; a line per tenth where there is no terminal."""

    def __init__(self) -> None:
        self._start: dict[str, tuple[float, int]] = {}
        self._shown: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show ``done`` of ``total``."""
        now = time.monotonic()
        start, first = self._start.setdefault(what, (now, done))
        left = (now - start) / max(1, done - first) * (total - done)
        line = f"  {done:,} of {total:,} {what}" + (f", {_duration(left)} left" if first < done < total else "")
        if sys.stderr.isatty():
            print(f"\r{line:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif 10 * done // max(1, total) > self._shown.get(what, -1):
            self._shown[what] = 10 * done // max(1, total)
            print(line, file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
