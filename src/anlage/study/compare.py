"""Run every trial of a question, in parallel processes, never twice."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from threadpoolctl import threadpool_limits

from anlage.errors import AnlageError
from anlage.learning.checkpoint import read_json, write_json
from anlage.study.question import Question
from anlage.study.trial import Record, Trial, trials

Progress = Callable[[int, int], None]
"""Called with the trials done and the trials in all."""

Pool = Callable[[Sequence[Trial]], Generator[tuple[Trial, Record]]]
"""Runs trials somewhere; gives pairs of trial and record, in any order, as they are finished. Writes nothing."""


def compare(
    question: Question,
    folder: Path,
    *,
    workers: int | None = None,
    pool: Pool | None = None,
    progress: Progress | None = None,
) -> list[Record]:
    """Records of all trials, those found in ``folder`` taken as they are, the others run and written there one by one.

    An interruption loses at most the trials in flight. ``workers`` defaults to the number of processor cores, 8 at
    most; with 0 nothing is run, and a missing trial raises ``AnlageError``. With a ``pool`` trials run there instead.
    """
    wanted = trials(question)
    found = {t: read_json(folder / t.file_name, t.accepts) for t in wanted}
    missing = [t for t, record in found.items() if record is None]
    records: dict[Trial, Record] = {t: record for t, record in found.items() if record is not None}
    if workers == 0 and missing:
        raise AnlageError(
            f"{len(missing)} of {len(wanted)} trials are missing in {folder}; finish the run with --resume."
        )
    report = progress or (lambda _done, _total: None)
    report(len(records), len(wanted))
    running = pool(missing) if pool else in_processes(missing, min(workers or cores(), max(1, len(missing))))
    with closing(running) as finished:
        for trial, record in finished:
            write_json(folder / trial.file_name, record)
            records[trial] = record
            report(len(records), len(wanted))
    return [records[t] for t in wanted]


def cores() -> int:
    """Processor cores that this process may use, at most 8: each worker holds about half a gigabyte."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@runtime_checkable
class Job(Protocol):
    """Something to do in another process: small, hashable, sent there whole."""

    def run(self) -> Record:
        """Do it; the result is JSON-able."""
        ...


@runtime_checkable
class KeptJob(Job, Protocol):
    """A job that knows where its record is kept."""

    def kept(self) -> Record | None:
        """The record of this very job, where it was done before."""
        ...

    def keep(self, record: Record) -> None:
        """Leave it for the next run."""
        ...


J = TypeVar("J", bound=Job)
K = TypeVar("K", bound=KeptJob)


def through(
    wanted: Sequence[K],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    here: Callable[[K], Record] = lambda job: job.run(),
) -> dict[K, Record]:
    """The record of every job; each is kept as soon as it is made, and none is made twice.

    ``here``: how a job is run in this process, with one worker.
    """
    report = progress or (lambda _done, _total: None)
    found = {job: record for job in wanted if (record := job.kept()) is not None}
    missing = [job for job in wanted if job not in found]
    report(len(found), len(wanted))
    serial = ((job, here(job)) for job in missing)
    with closing(in_processes(missing, min(workers, len(missing))) if workers > 1 else serial) as finished:
        for job, record in finished:
            job.keep(record)
            found[job] = record
            report(len(found), len(wanted))
    return found


def in_processes(missing: Sequence[J], workers: int) -> Generator[tuple[J, Record]]:
    """Pairs of job and record, as they are finished.

    Raises ``AnlageError`` when a process was killed. Closing the generator ends them all.
    """
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=quiet_worker) as pool:
        with _interrupts_held():
            running: dict[Future[Record], J] = {pool.submit(job.run): job for job in missing}
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            raise AnlageError(
                "A worker process was killed, most likely because memory ran out; run the same command again with --resume and "
                "fewer --workers."
            ) from error
        finally:
            if running:  # interrupted, or a trial failed: nobody will ask for the rest
                for worker in multiprocessing.active_children():
                    if worker not in others:
                        worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back for a moment. Processes started meanwhile never see it: to end them is the parent's business."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread in torch and in the linear algebra below it, for as long as this lasts.

    Small sparse steps gain nothing from two, and results then do not depend on the machine's cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def quiet_worker() -> None:
    """One thread per process, in torch and in the linear algebra below it."""
    torch.set_num_threads(1)
    threadpool_limits(1)
