"""Adjacency matrices in files: .npy, .npz (dense, or sparse as SciPy writes it) and Matrix Market (.mtx)."""

import tokenize
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Real
from numpy import ndarray
from scipy import sparse
from scipy.io import mmread

from anlage.connectome.store import read_arrays
from anlage.errors import ConnectomeError, DataMissing, IntegrityError

ENDINGS = (".npy", ".npz", ".mtx", ".mtx.gz")
_BROKEN = (ValueError, OSError, EOFError, TypeError, KeyError, OverflowError, SyntaxError, tokenize.TokenError)


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The entries of a square matrix that are not zero, as the file lists them; ``size`` is its number of rows."""

    row: Int[ndarray, " entry"]
    column: Int[ndarray, " entry"]
    value: Real[ndarray, " entry"]
    size: int
    symmetric: bool


def read_matrix(path: Path, array: str = "") -> Matrix:
    """The square matrix in ``path``; ``array`` names it where an .npz holds several.

    Raises ``DataMissing`` without a file, ``IntegrityError`` when it is damaged or foreign, and ``ConnectomeError`` when it
    holds something other than one square matrix of real numbers.
    """
    if not path.is_file():
        raise DataMissing(f"There is no file {path}; check the path.")
    if path.suffix == ".npz":
        found = _from_npz(path, array)
    else:
        try:
            if path.suffix == ".npy":
                found = np.load(path, allow_pickle=False)
            else:
                found = mmread(path)
        except _BROKEN as error:
            why = " ".join(str(error).split())[:160].rstrip(".")
            raise IntegrityError(
                f"{path} cannot be read as a matrix ({why}); it is damaged, holds Python objects or is another kind of file, so "
                "export it again."
            ) from error
    shape = "x".join(map(str, found.shape))
    if len(found.shape) != 2 or found.shape[0] != found.shape[1]:
        raise ConnectomeError(
            f"{path} holds an array of shape {shape}, but a matrix of a wiring is square, with a row and a column per neuron."
        )
    if found.dtype.kind not in "biuf":
        raise ConnectomeError(f"{path} holds values of type {found.dtype}, but synapse counts are real numbers.")
    entries = sparse.coo_array(found)
    whole = entries.data.dtype.kind in "biu"
    return Matrix(
        row=entries.row.astype(np.int64),
        column=entries.col.astype(np.int64),
        value=entries.data.astype(np.int64 if whole else np.float64),
        size=int(found.shape[0]),
        symmetric=_symmetric(entries),
    )


def _from_npz(path: Path, array: str) -> "ndarray | sparse.coo_array":
    arrays = read_arrays(path)
    if "format" in arrays and "shape" in arrays:
        try:
            return sparse.coo_array(sparse.load_npz(path))
        except _BROKEN as error:
            raise IntegrityError(f"{path} cannot be read as a sparse matrix ({error}); save it again.") from error
    if not array and len(arrays) == 1:
        return next(iter(arrays.values()))
    if array not in arrays:
        raise ConnectomeError(
            f"{path} holds {len(arrays)} arrays; say which is the matrix with --array, one of: {', '.join(arrays)}."
        )
    return arrays[array]


def _symmetric(entries: sparse.coo_array) -> bool:
    """Whether the matrix is its own transpose and has anything beside its diagonal."""
    off = entries.row != entries.col
    compressed = sparse.csr_array(entries)
    return bool(off.any()) and (compressed != compressed.T).nnz == 0
