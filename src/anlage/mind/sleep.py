"""How nights are spent: one after the other here, or side by side in processes that stay for the whole growth."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import SimpleQueue

import torch
from threadpoolctl import threadpool_limits

from anlage.errors import AnlageError
from anlage.mind.night import Night

Told = Callable[[str, int], None]
"""Called with the name of an area and how many steps of its night are done."""
Spend = Callable[[Sequence[Night], Told], None]
"""Spends nights, and tells how far each is."""
TELL_EVERY_S = 0.2
HINTS = 50
"""How often at most a night says how far it is."""


@contextmanager
def sleepers(workers: int) -> Iterator[Spend]:
    """How nights are spent: in this process when there is one worker."""
    if workers == 1:
        yield _one_by_one
        return
    context = multiprocessing.get_context("spawn")
    line: SimpleQueue[tuple[str, int]] = context.SimpleQueue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_wake_up, initargs=(line,)) as pool:
        try:
            yield partial(_side_by_side, pool, line)
        finally:  # after an interruption the nights that are being spent end, and are kept
            pool.shutdown(cancel_futures=True)


def _one_by_one(wanted: Sequence[Night], told: Told) -> None:
    for night in wanted:
        night.spend(_hinting(night, told))


def _side_by_side(
    pool: ProcessPoolExecutor, line: "SimpleQueue[tuple[str, int]]", wanted: Sequence[Night], told: Told
) -> None:
    try:
        under_way = {pool.submit(_spend, night) for night in wanted}
        while under_way:
            over, under_way = wait(under_way, TELL_EVERY_S)
            while not line.empty():
                told(*line.get())
            for future in over:
                future.result()
    except BrokenProcessPool as error:
        raise AnlageError(
            "A process that spent a night was killed, most likely because memory ran out; run the same command again with "
            "--resume and fewer --workers."
        ) from error


def _hinting(night: Night, told: Told) -> Callable[[int, int], None]:
    """Tell of a night at most ``HINTS`` times, its end included."""

    def progress(done: int, total: int) -> None:
        if done * HINTS // total > (done - 1) * HINTS // total:
            told(night.name, done)

    return progress


_LINES: "list[SimpleQueue[tuple[str, int]]]" = []
"""Of a process that spends nights: where it says how far it is. A queue can be handed to a process only at its birth."""


def _wake_up(line: "SimpleQueue[tuple[str, int]]") -> None:
    """One thread per process; Ctrl-C is the parent's business; nobody sleeps on when the parent was killed."""
    _LINES.append(line)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threadpool_limits(1)
    threading.Thread(target=_die_after_parent, daemon=True).start()


def _die_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _spend(night: Night) -> None:
    night.spend(_hinting(night, lambda name, done: _LINES[-1].put((name, done))))
