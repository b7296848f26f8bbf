"""What is lived: the protocol, and recordings that satisfy it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int, UInt8
from numpy import ndarray
from torch import Tensor

from anlage.connectome.fetch import data_folders, find_data
from anlage.connectome.source import Source
from anlage.errors import DataMissing
from anlage.trace import Episode


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Episodes with labels, for probes only: no objective ever sees a label."""

    train: Episode
    train_label: Int[ndarray, " sample"]
    test: Episode
    test_label: Int[ndarray, " sample2"]


@runtime_checkable
class Experience(Protocol):
    """A source of episodes. What is drawn depends on ``rng`` alone, so any moment of a run can be lived again."""

    @property
    def modality(self) -> str:
        """The key under which observations are found in an episode."""
        ...

    @property
    def n_input(self) -> int:
        """Numbers in one observation."""
        ...

    def draw(self, batch: int, rng: np.random.Generator) -> Episode:
        """A batch of episodes for learning."""
        ...

    def held_out(self) -> Episode:
        """Episodes that are never learned from; the same at every call."""
        ...

    def labelled(self) -> Labelled:
        """Labelled episodes for probes; the test part is the held-out one."""
        ...


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Sequences of equal length held in memory as bytes; one observation is ``(byte - offset) / spread``."""

    modality: str
    train: UInt8[Tensor, "sample time input"]
    train_label: Int[ndarray, " sample"]
    test: UInt8[Tensor, "sample2 time input"]
    test_label: Int[ndarray, " sample2"]
    offset: float
    spread: float

    @classmethod
    def of(
        cls,
        modality: str,
        train: UInt8[ndarray, "sample time input"],
        train_label: Int[ndarray, " sample"],
        test: UInt8[ndarray, "sample2 time input"],
        test_label: Int[ndarray, " sample2"],
    ) -> "Recording":
        """A recording whose training part has mean 0 and variance 1 over all its numbers."""
        offset, spread = float(train.mean()), float(train.std())
        tensors = (torch.from_numpy(np.ascontiguousarray(part)) for part in (train, test))
        first, second = tensors
        return cls(modality, first, train_label.astype(np.int64), second, test_label.astype(np.int64), offset, spread)

    @property
    def n_input(self) -> int:
        """Numbers in one observation."""
        return self.train.shape[-1]

    @property
    def chance(self) -> float:
        """Share of held-out sequences that carry the commonest label: what naming it every time would reach."""
        return float(np.bincount(self.test_label).max(initial=0) / max(1, len(self.test_label)))

    def draw(self, batch: int, rng: np.random.Generator) -> Episode:
        """``batch`` sequences of the training part, with replacement."""
        return self._episode(self.train[torch.from_numpy(rng.integers(len(self.train), size=batch))])

    def held_out(self) -> Episode:
        """The whole test part."""
        return self._episode(self.test)

    def labelled(self) -> Labelled:
        """Training and test part with their labels."""
        return Labelled(self._episode(self.train), self.train_label, self.held_out(), self.test_label)

    def _episode(self, rows: Tensor) -> Episode:
        return Episode({self.modality: (rows.to(torch.get_default_dtype()) - self.offset) / self.spread})


@runtime_checkable
class RecordedExperience(Protocol):
    """A description of a recording: small, comparable, written into recipes; the data come with ``open``."""

    @property
    def source(self) -> Source:
        """Where the recording comes from."""
        ...

    def open(self) -> Recording:
        """The recording itself."""
        ...


@runtime_checkable
class SharedWorld(Protocol):
    """What several senses share: lives in which all of them are there at every moment."""

    @property
    def n_input(self) -> Mapping[str, int]:
        """Numbers in one observation of each sense."""
        ...

    @property
    def n_held_out(self) -> int:
        """Lives that are never learned from."""
        ...

    def draw(self, batch: int, rng: np.random.Generator) -> tuple[Episode, Int[ndarray, " batch"]]:
        """A batch of lives for learning, and their labels, for probes only."""
        ...

    def held_out(self, rng: np.random.Generator, *, without: Sequence[str] = ()) -> Episode:
        """All held-out lives; senses named in ``without`` have nothing to sense."""
        ...


@runtime_checkable
class SharedExperience(Protocol):
    """A description of a shared world: small, comparable, written into the recipes of minds; the world comes with ``open``."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """What there is to sense."""
        ...

    @property
    def events(self) -> Mapping[str, int]:
        """What begins at which moment, in the order of time."""
        ...

    @property
    def source(self) -> Source:
        """Where everything comes from."""
        ...

    @property
    def story(self) -> str:
        """What is lived, and what is made up in it, in a few sentences."""
        ...

    def open(self) -> SharedWorld:
        """The world itself."""
        ...


def patches(images: UInt8[ndarray, "sample height width"], size: int) -> UInt8[ndarray, "sample time input"]:
    """Cut images into ``size`` x ``size`` patches in reading order; pixels that fill no whole patch are left out."""
    n, height, width = images.shape
    rows, columns = height // size, width // size
    cut = images[:, : rows * size, : columns * size].reshape(n, rows, size, columns, size)
    return cut.transpose(0, 1, 3, 2, 4).reshape(n, rows * columns, size * size)


def demand_data(relative: str, what: str) -> Path:
    """The path of a recorded data set; raises ``DataMissing`` when no data folder holds it."""
    path = find_data(relative)
    if path is None:
        raise DataMissing(
            f"No data folder holds {relative} ({what}); set ANLAGE_DATA to a folder that does, or choose an "
            "experience that needs no data (digits, text)."
        )
    return path


def demand_folder(named: str, what: str) -> Path:
    """A folder, by its own path or inside a data folder; raises ``DataMissing`` when there is none of that name."""
    found = next((path for path in (Path(named), *(data / named for data in data_folders())) if path.is_dir()), None)
    if found is None:
        raise DataMissing(
            f"There is no folder {named} ({what}), neither here nor in a data folder; correct the path, or set ANLAGE_DATA."
        )
    return found


def read_data(relative: str, what: str) -> bytes:
    """The bytes of a recorded data set; raises ``DataMissing`` when no data folder holds it."""
    return demand_data(relative, what).read_bytes()
