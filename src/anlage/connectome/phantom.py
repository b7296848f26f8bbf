"""A scan with known truth: neurites grown at random until they fill a volume, their membranes, synapses where they touch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy import ndimage

from anlage.connectome.annotation import Synapses
from anlage.connectome.volume import Grid, Triple
from anlage.errors import ConnectomeError


@dataclass(frozen=True, slots=True)
class Tissue:
    """What a phantom is made of. Lengths in nm.

    ``neurons`` neurites, of which any two keep ``apart_nm`` between their middle lines, which is what sets their calibre;
    ``branching`` is the chance of a branch at a step. The membrane is blurred by ``blur_nm``; ``gaps`` is the share of the
    volume in which it is nearly invisible, and ``noise`` the standard deviation of what is added to its probability.
    ``synapses`` true ones and ``spurious`` false ones are annotated, points ``depth_nm`` from the membrane and ``jitter_nm`` off.
    """

    shape: Triple = (96, 96, 48)
    voxel_nm: tuple[float, float, float] = (16.0, 16.0, 32.0)
    neurons: int = 30
    apart_nm: float = 200.0
    branching: float = 0.06
    blur_nm: float = 14.0
    gaps: float = 0.06
    noise: float = 0.12
    synapses: int = 400
    spurious: int = 200
    depth_nm: float = 40.0
    jitter_nm: float = 12.0

    def __post_init__(self) -> None:
        if self.neurons < 2 or not (0 <= self.gaps < 1 and self.apart_nm > 2 * max(self.voxel_nm)):
            raise ConnectomeError(
                f"{self.neurons} neurites {self.apart_nm:g} nm apart in voxels of {self.voxel_nm} nm with gaps {self.gaps:g}: a "
                "phantom needs two neurites or more, wider than four voxels, and gaps between 0 and 1."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """The truth, and what a microscope and an annotator would make of it.

    ``labels`` 1, 2, ... fill the volume; ``true`` are the synapses as they are, ``annotated`` those that were found, with
    scores, some of them ``spurious``, at points that are a little off.
    """

    grid: Grid
    labels: Int[ndarray, "x y z"]
    membrane: Float[ndarray, "x y z"]
    true: Synapses
    annotated: Synapses


def phantom(tissue: Tissue, rng: np.random.Generator) -> Phantom:
    """Grow one; the same ``rng`` gives the same phantom."""
    grid = Grid(tissue.voxel_nm)
    labels = _filled(_middle_lines(tissue, rng), tissue)
    membrane = _membrane(labels, tissue, rng)
    wired = _wiring(int(labels.max()), rng)
    true = _contacts(labels, tissue, tissue.synapses, wired, rng)
    false = _contacts(labels, tissue, tissue.spurious, ~wired, rng)
    points = [np.concatenate([getattr(true, end), getattr(false, end)]) for end in ("pre_nm", "post_nm")]
    high = np.array(tissue.shape) * np.array(tissue.voxel_nm)
    pre, post = (np.clip(p + tissue.jitter_nm * rng.standard_normal(p.shape), 0, high * (1 - 1e-9)) for p in points)
    score = np.concatenate([rng.beta(5, 2, len(true)), rng.beta(2, 5, len(false))])
    return Phantom(grid, labels, membrane, true, Synapses(pre, post, score))


def _middle_lines(tissue: Tissue, rng: np.random.Generator) -> Int[ndarray, "x y z"]:
    """Voxels on the middle lines, numbered by neurite. All grow in turn, each step bent a little, and none comes near another."""
    size, shape = np.array(tissue.voxel_nm), np.array(tissue.shape)
    line, near = np.zeros(tissue.shape, dtype=np.int64), np.zeros(tissue.shape, dtype=np.int64)
    reach = np.ceil(tissue.apart_nm / size).astype(np.int64)
    ball = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    ball = ball[((ball * size) ** 2).sum(axis=1) <= tissue.apart_nm**2]

    def stake(place: Float[ndarray, " 3"], neuron: int) -> None:
        voxel = np.floor(place / size).astype(np.int64)
        line[tuple(voxel)] = neuron
        around = voxel + ball
        x, y, z = around[((around >= 0) & (around < shape)).all(axis=1)].T
        near[x, y, z] = np.where(near[x, y, z] == 0, neuron, near[x, y, z])

    tips: list[tuple[int, Float[ndarray, " 3"], Float[ndarray, " 3"]]] = []
    for neuron in range(1, tissue.neurons + 1):
        for _ in range(50):
            place = rng.random(3) * shape * size
            if near[tuple(np.floor(place / size).astype(np.int64))] == 0:
                stake(place, neuron)
                way = rng.standard_normal(3)
                tips += [(neuron, place, way), (neuron, place, -way)]
                break
    stride = tissue.apart_nm / 4
    for _ in range(int(2 * max(shape * size) / stride)):
        going = []
        for neuron, start, way in tips:
            for _ in range(6):
                bent = way / np.linalg.norm(way) + 0.35 * rng.standard_normal(3)
                place = start + bent / np.linalg.norm(bent) * stride
                if not ((place >= 0) & (place < shape * size)).all():
                    break  # it left the volume
                if near[tuple(np.floor(place / size).astype(np.int64))] in (0, neuron):
                    stake(place, neuron)
                    going.append((neuron, place, bent))
                    if rng.random() < tissue.branching:
                        going.append((neuron, place, bent + 1.5 * rng.standard_normal(3)))
                    break
        tips = going[: 4 * tissue.neurons]
    return line


def _filled(line: Int[ndarray, "x y z"], tissue: Tissue) -> Int[ndarray, "x y z"]:
    """Every voxel belongs to the neurite whose middle line is nearest; labels without gaps."""
    nearest = ndimage.distance_transform_edt(
        line == 0, sampling=tissue.voxel_nm, return_distances=False, return_indices=True
    )
    full = line[tuple(nearest)]
    return np.asarray(np.searchsorted(np.unique(full), full) + 1)


def _membrane(labels: Int[ndarray, "x y z"], tissue: Tissue, rng: np.random.Generator) -> Float[ndarray, "x y z"]:
    """Probability of a membrane: one voxel on each side of every boundary, blurred, faded in places, with noise."""
    edge = np.zeros(labels.shape, dtype=bool)
    for axis in range(3):
        one, other = (np.moveaxis(part, axis, 0) for part in (labels, edge))
        differs = one[1:] != one[:-1]
        other[1:] |= differs
        other[:-1] |= differs
    sharp = ndimage.gaussian_filter(edge.astype(np.float64), [tissue.blur_nm / s for s in tissue.voxel_nm])
    field = ndimage.gaussian_filter(rng.standard_normal(labels.shape), [80.0 / s for s in tissue.voxel_nm])
    faded = np.where(field < np.quantile(field, tissue.gaps), 0.25, 1.0)
    grain = ndimage.gaussian_filter(rng.standard_normal(labels.shape), 0.7)
    noise = tissue.noise * grain / grain.std()
    return np.asarray(np.clip(sharp * faded + noise, 0, 1), dtype=np.float32)


def _wiring(n: int, rng: np.random.Generator) -> Bool[ndarray, "neuron neuron"]:
    """Which neurite sends to which where they touch, ``[pre, post]``: a third of all pairs, one way; 0 is none."""
    dice = np.triu(rng.random((n + 1, n + 1)), 1)
    forth, back = (dice > 0) & (dice < 1 / 6), (dice >= 1 / 6) & (dice < 1 / 3)
    return np.asarray(forth | back.T)


def _contacts(
    labels: Int[ndarray, "x y z"],
    tissue: Tissue,
    n: int,
    wired: Bool[ndarray, "neuron neuron"],
    rng: np.random.Generator,
) -> Synapses:
    """Up to ``n`` synapses across boundaries between neurites that are wired, anywhere alike, so the more the more they touch."""
    size = np.array(tissue.voxel_nm)
    pre, post = [], []
    for axis in range(3):
        low = np.argwhere(np.diff(labels, axis=axis) != 0)
        step = np.eye(3)[axis]
        face = (low + 0.5 + 0.5 * step) * size
        way = np.where(rng.random((len(face), 1)) < 0.5, -1.0, 1.0) * step * tissue.depth_nm
        pre.append(face - way)
        post.append(face + way)
    ends = [np.concatenate(pre), np.concatenate(post)]
    inside = np.logical_and(*(((p >= 0) & (p < np.array(tissue.shape) * size)).all(axis=1) for p in ends))
    ends = [p[inside] for p in ends]
    a, b = (labels[tuple(np.floor(p / size).astype(np.int64).T)] for p in ends)
    chosen = rng.permutation(np.flatnonzero((a != b) & wired[a, b]))[:n]
    return Synapses(ends[0][chosen], ends[1][chosen], np.zeros(0))
