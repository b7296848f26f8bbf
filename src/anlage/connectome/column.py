"""One column of a table, whatever file it came from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped
from numpy import ndarray

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
"""Spellings of a value that is not there."""


MOST_NAMES = 20  # column names in a sentence


def listed(names: Sequence[str]) -> str:
    """Names of columns for a sentence; of many, the first."""
    rest = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + rest


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: int64 or float64 ``values``, or, with ``labels``, int32 codes of texts. ``missing`` rows hold no value."""

    values: Shaped[ndarray, " row"]
    missing: Bool[ndarray, " row"]
    labels: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def blank(cls, rows: int) -> "Column":
        """A column of texts in which every value is missing."""
        return cls(np.zeros(rows, dtype=np.int32), np.ones(rows, dtype=bool), ("",))

    @classmethod
    def ones(cls, rows: int) -> "Column":
        """A column of ones."""
        return cls(np.ones(rows, dtype=np.int64), np.zeros(rows, dtype=bool))

    @classmethod
    def join(cls, parts: Sequence["Column"]) -> "Column":
        """One column after the other: numbers if all are, else texts."""
        if len(parts) == 1:
            return parts[0]
        missing = np.concatenate([part.missing for part in parts])
        if all(part.labels is None for part in parts):
            return cls(np.concatenate([part.values for part in parts]), missing)
        texts = [part.coded() for part in parts]
        labels = tuple(sorted({label for part in texts for label in part.labels or ()}))
        number = {label: code for code, label in enumerate(labels)}
        codes = [
            np.array([number[label] for label in part.labels or ()], dtype=np.int32)[part.values] for part in texts
        ]
        return cls(np.concatenate(codes), missing, labels)

    def only(self, rows: Shaped[ndarray, " some"] | slice) -> "Column":
        """These rows, given by their numbers, a mask or a slice."""
        return Column(self.values[rows], self.missing[rows], self.labels)

    def coded(self) -> "Column":
        """The same as texts, each label once and in order; the first is the empty one, which every missing value has."""
        if self.labels is None:
            distinct, codes = np.unique(self.values, return_inverse=True)
            texts: Sequence[str] = [str(v) for v in distinct.tolist()]
        else:
            codes, texts = self.values, self.labels
        labels = ("", *sorted(set(texts) - set(MISSING)))
        number = {label: code for code, label in enumerate(labels)}
        table = np.array([number.get(label, 0) for label in texts] or [0], dtype=np.int32)
        renamed = np.where(self.missing, 0, table[codes]) if len(codes) else codes
        return Column(renamed.astype(np.int32, copy=False), self.missing, labels)

    def text(self) -> list[str]:
        """Every value as text; a missing one is empty."""
        labels = self.labels
        if labels is None:
            shown = [str(v) for v in self.values.tolist()]
        else:
            shown = [labels[code] for code in self.values.tolist()]
        return ["" if gone else value for value, gone in zip(shown, self.missing.tolist(), strict=True)]
