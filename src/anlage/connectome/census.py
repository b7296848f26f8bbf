"""A connectome in numbers: who is there by role and class, who is connected with how many, and who says which sign."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import ROLES, Categorical, Connectome


@dataclass(frozen=True, slots=True)
class ClassRow:
    """The neurons of one class: how many, how many by role, and the medians of the partners they send to and receive from."""

    name: str
    n_neurons: int
    by_role: dict[str, int]
    median_out: float
    median_in: float


def degrees(connectome: Connectome) -> tuple[Int[ndarray, " neuron"], Int[ndarray, " neuron"]]:
    """Edges that each neuron sends, and that it receives; a gap junction counts as one of each at both of its ends."""
    n, gap = connectome.n_neurons, connectome.kind.is_("gap_junction")
    gap &= connectome.pre != connectome.post
    sent = np.concatenate([connectome.pre, connectome.post[gap]])
    received = np.concatenate([connectome.post, connectome.pre[gap]])
    return np.bincount(sent, minlength=n), np.bincount(received, minlength=n)


def division(connectome: Connectome) -> tuple[str, Categorical]:
    """The column that divides the neurons, and what to call it: their class, or their cell type where no class is named."""
    neurons = connectome.neurons
    if set(neurons.neuron_class.counts()) - {""} or not set(neurons.cell_type.counts()) - {""}:
        return "class", neurons.neuron_class
    return "cell type", neurons.cell_type


def class_rows(connectome: Connectome) -> list[ClassRow]:
    """One row per class (see ``division``), the largest first; a class without a name is ``unnamed``."""
    neurons, (sent, received) = connectome.neurons, degrees(connectome)
    _, classes = division(connectome)
    rows = []
    for code, label in enumerate(classes.labels):
        mine = classes.codes == code
        if not mine.any():
            continue
        by_role = np.bincount(neurons.role.codes[mine], minlength=len(ROLES))
        rows.append(
            ClassRow(
                name=label or "unnamed",
                n_neurons=int(mine.sum()),
                by_role={role: int(n) for role, n in zip(ROLES, by_role, strict=True) if n},
                median_out=float(np.median(sent[mine])),
                median_in=float(np.median(received[mine])),
            )
        )
    return sorted(rows, key=lambda row: (-row.n_neurons, row.name))


def edges_by_role(connectome: Connectome) -> dict[tuple[str, str], int]:
    """Number of edges from each role to each role, pairs without any left out; gap junctions as they are stored."""
    role = connectome.neurons.role.codes.astype(np.int64)
    pair = role[connectome.pre] * len(ROLES) + role[connectome.post]
    counts = np.bincount(pair, minlength=len(ROLES) ** 2).reshape(len(ROLES), len(ROLES))
    return {(ROLES[i], ROLES[j]): int(counts[i, j]) for i, j in np.argwhere(counts)}


def signs_by_source(connectome: Connectome) -> dict[str, tuple[int, int]]:
    """Source of the sign -> how many edges are positive and how many negative; edges without a sign are left out."""
    found = {}
    for code, label in enumerate(connectome.sign_source.labels):
        mine = connectome.sign[connectome.sign_source.codes == code]
        if mine.any():
            found[label] = int((mine > 0).sum()), int((mine < 0).sum())
    return found
