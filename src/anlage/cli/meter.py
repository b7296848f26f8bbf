"""How far something is."""

import shutil
import sys
import time


class Meter:
    """How far something is and how long it will take: one line for each that is under way, a line per tenth without a terminal.

    What is under way together ends together, so that all of it has one time left: that of what is to do at the common pace since
    the first of it was done. What comes before that, the start of processes, is not counted.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, tuple[int, int, int]] = {}
        self._began: tuple[float, int] | None = None
        self._shown: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show ``done`` of ``total``."""
        drawn = len(self._under_way)
        first = self._under_way.get(what, (done,))[0]
        self._under_way[what] = (first, done, total)
        if self._began is None and done > first:
            self._began = (time.monotonic(), self._did)
        over = all(now == end for _, now, end in self._under_way.values())
        if sys.stderr.isatty():
            wide = max(20, shutil.get_terminal_size().columns - 1)
            lines = [f"{self._line(each)[:wide]:<{min(60, wide)}}" for each in self._under_way]
            back = f"\r\x1b[{drawn - 1}A" if drawn > 1 else "\r"
            print(back + "\n".join(lines), end="\n" if over else "", file=sys.stderr, flush=True)
        elif 10 * done // max(1, total) > self._shown.get(what, -1):
            self._shown[what] = 10 * done // max(1, total)
            print(self._line(what), file=sys.stderr, flush=True)
        if over:
            self._under_way, self._began = {}, None

    @property
    def _did(self) -> int:
        return sum(now - first for first, now, _ in self._under_way.values())

    def _line(self, what: str) -> str:
        _, done, total = self._under_way[what]
        line = f"  {done:,} of {total:,} {what}"
        if done == total or self._began is None or self._did == self._began[1]:
            return line
        to_do = sum(end - now for _, now, end in self._under_way.values())
        pace_s = (time.monotonic() - self._began[0]) / (self._did - self._began[1])
        return f"{line}, {_duration(pace_s * to_do)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
