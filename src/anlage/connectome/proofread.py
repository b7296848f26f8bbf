"""Repairing a reconstruction, error by error: what so many edits buy."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from anlage.connectome.connectome import Connectome
from anlage.connectome.reconstruct import Errors, reconstruct, synapses
from anlage.errors import ConnectomeError, UnknownName

Order = Literal["random", "largest"]


def proofread(
    connectome: Connectome, errors: Errors, share: float, order: Order, rng: np.random.Generator
) -> tuple[Connectome, Errors]:
    """The reconstruction of ``connectome``, the truth, after proofreading, and the errors that remain.

    ``share``: of the edits that would repair everything, what may be spent; nothing is repaired in part, so an edit may be left.
    ``order``: ``random``, or ``largest`` first, by synaptic ends put right per edit: all those on a fragment, those of the
    smaller of two fused neurons, or the two of a missed or false synapse; ties are shuffled. Focused proofreading (Plaza 2014,
    arXiv 1409.1199) works so. Nothing is made worse: a proofreader here makes no mistakes.

    Raises ``ConnectomeError`` when ``share`` is not between 0 and 1, ``UnknownName`` for another order.
    """
    if not 0 <= share <= 1:
        raise ConnectomeError(f"The share of edits to spend is {share}, but must be between 0 and 1.")
    if order not in get_args(Order):
        raise UnknownName("order of proofreading", order, get_args(Order))
    pending = np.flatnonzero(errors.fragment_at != errors.fragment_of)
    edits = np.ones(len(pending) + len(errors.fusion) + len(errors.missed) + len(errors.false_edge), dtype=np.int64)
    edits[: len(pending)] += errors.fragment_at[pending] >= 0  # cut off there, merged back here
    ranked = rng.permutation(len(edits))
    if order == "largest":
        size = _sizes(connectome, errors, pending) / edits
        ranked = ranked[np.argsort(-size[ranked], kind="stable")]
    done = np.zeros(len(edits), dtype=bool)
    done[ranked] = np.cumsum(edits[ranked]) <= round(share * errors.n_edits)
    cuts = np.cumsum([len(pending), len(errors.fusion), len(errors.missed)])
    fragment, fusion, missed, false = np.split(done, cuts)
    at = errors.fragment_at.copy()
    at[pending[fragment]] = errors.fragment_of[pending[fragment]]
    left = replace(
        errors,
        fragment_at=at,
        fusion=errors.fusion[~fusion],
        missed=errors.missed[~missed],
        false_edge=errors.false_edge[~false],
        false_part=errors.false_part[~false],
        false_post=errors.false_post[~false],
    )
    return reconstruct(connectome, left), left


def _sizes(connectome: Connectome, errors: Errors, pending: Int[ndarray, " pending"]) -> Int[ndarray, " error"]:
    """Synaptic ends that each error puts wrong: pending fragments, fusions, missed and false synapses, in this order."""
    row, _ = synapses(connectome)
    n_ends = np.bincount(np.concatenate([connectome.pre[row], connectome.post[row]]), minlength=connectome.n_neurons)
    fragment = np.concatenate([errors.pre_fragment, errors.post_fragment])
    on_fragment = np.bincount(fragment[fragment >= 0], minlength=len(errors.fragment_of))[pending]
    fused = n_ends[errors.fusion].min(axis=1) if len(errors.fusion) else np.zeros(0, dtype=np.int64)
    return np.concatenate([on_fragment, fused, np.full(len(errors.missed) + len(errors.false_edge), 2)])
