"""The trials of a question on a Ray cluster, for when one machine is not enough."""

import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from anlage.errors import AnlageError, DependencyMissing, UnknownName
from anlage.study.compare import quiet_worker
from anlage.study.trial import Record, Trial

AT_LEAST_IN_FLIGHT = 16
"""Trials handed out at once on the smallest cluster, so that no worker waits for the next one."""

KNOCK_S = 5.0
"""Seconds within which a cluster must answer at its address; Ray itself would try for minutes."""

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How HTTP/2, which Ray speaks, begins: a fixed text and empty settings (RFC 9113, sections 3.4 and 6.5)."""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A Ray cluster as the place where trials run: give it to ``compare`` or ``carry_out`` as their ``pool``.

    ``address``: ``HOST:PORT``, or ``ray://HOST:PORT`` for Ray's client; ``auto`` is the cluster that this machine belongs to.
    ``cores`` and ``gpus`` are set aside for each trial, on one machine; a trial still runs on one thread, so that its numbers are
    those of any other place. A trial whose worker or machine is lost is begun again elsewhere, at most ``retries`` times.

    Every machine needs the same anlage, and the data where ``ANLAGE_DATA`` says there.
    """

    address: str = "auto"
    cores: int = 1
    gpus: int = 0
    retries: int = 3

    def __post_init__(self) -> None:
        for name, least in (("cores", 1), ("gpus", 0), ("retries", 0)):
            if (value := getattr(self, name)) < least:
                raise AnlageError(f"{name} of a Ray cluster is {value}, but must be at least {least}.")

    @classmethod
    def at(cls, where: str, *, cores: int = 1, gpus: int = 0) -> "RayCluster":
        """From what is typed after ``--on``: ``ray``, ``ray:ADDRESS`` or ``ray://HOST:PORT``."""
        if where == "ray":
            return cls(cores=cores, gpus=gpus)
        if not where.startswith("ray:") or not where.removeprefix("ray:").strip("/"):
            raise UnknownName("place to run trials", where, ("ray", "ray:ADDRESS", "ray://HOST:PORT"))
        address = where if where.startswith("ray://") else where.removeprefix("ray:")
        return cls(address, cores, gpus)

    def __call__(self, missing: Sequence[Trial]) -> Generator[tuple[Trial, Record]]:
        """Pairs of trial and record, as they are finished; what is still running when the caller stops is cancelled.

        Raises ``DependencyMissing`` without Ray; ``AnlageError`` when no cluster answers, none of its machines is large enough, a
        trial lost all its workers, or a machine has no anlage.
        """
        if not missing:
            return
        ray = _ray()
        joined = not ray.is_initialized()
        if joined:
            self._join(ray)
        running: dict[Any, Trial] = {}
        try:
            self._demand_room(ray)
            remote = ray.remote(num_cpus=self.cores, num_gpus=self.gpus, max_retries=self.retries)(run_trial)
            waiting = list(reversed(missing))
            while waiting or running:
                # A cluster may grow meanwhile. Few are handed out ahead, because Ray looks through all of them at every wait.
                width = int(ray.cluster_resources().get("CPU", 0)) // self.cores
                while waiting and len(running) < max(AT_LEAST_IN_FLIGHT, 2 * width):
                    trial = waiting.pop()
                    running[remote.remote(trial)] = trial
                for done in ray.wait(list(running), num_returns=1)[0]:
                    yield running.pop(done), self._record(ray, done)
        finally:
            for left in running:
                ray.cancel(left, force=True)
            if joined:
                ray.shutdown()

    def _join(self, ray: ModuleType) -> None:
        try:
            if self.address != "auto":
                _knock(self.address.removeprefix("ray://"))
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            where = "this machine" if self.address == "auto" else self.address
            why = str(error).strip().split("\n")[0].rstrip(".")
            raise AnlageError(
                f"No Ray cluster could be joined at {where} ({why}); start one with `ray start --head`, join it from the other "
                "machines with `ray start --address`, or leave --on out to run here."
            ) from error

    def _demand_room(self, ray: ModuleType) -> None:
        """Raise when no machine has what one trial needs; Ray itself would wait for such a machine for ever."""
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(m.get("CPU", 0) >= self.cores and m.get("GPU", 0) >= self.gpus for m in machines):
            most = {kind: int(max((m.get(kind, 0) for m in machines), default=0)) for kind in ("CPU", "GPU")}
            raise AnlageError(
                f"A trial is to have {self.cores} cores and {self.gpus} GPUs, but the machines of the cluster have at most "
                f"{most['CPU']} and {most['GPU']}; ask for fewer with --cores and --gpus."
            )

    def _record(self, ray: ModuleType, done: Any) -> Record:
        try:
            record: Record = ray.get(done)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise AnlageError(
                    f"A machine of the cluster cannot import what a trial needs ({error.cause}); install the same anlage on all "
                    "of them."
                ) from error
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise AnlageError(
                f"A trial lost all {self.retries + 1} workers that it was given ({type(error).__name__}), most likely because "
                "memory ran out; run the same command again with --resume and more --cores for each trial."
            ) from error
        return record


def run_trial(trial: Trial) -> Record:
    """Run a trial on one thread, wherever this is."""
    quiet_worker()
    return trial.run()


def _knock(address: str) -> None:
    """Raise ``OSError`` or ``ValueError`` unless something that may be Ray answers at ``HOST:PORT``."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("an address is HOST:PORT")
    with socket.create_connection((host.strip("[]"), int(port)), KNOCK_S) as line:
        line.sendall(GREETING)
        if line.recv(9)[3:4] != b"\x04":  # settings come back first
            raise ConnectionError("what answers there is not Ray")


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise DependencyMissing("To run trials on a cluster, Ray is needed: pip install 'anlage[ray]'.") from error
    return ray  # type: ignore[no-any-return, unused-ignore]
