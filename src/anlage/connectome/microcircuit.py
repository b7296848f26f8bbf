"""The wiring under a square millimetre of early sensory cortex, as a published model states it (Potjans & Diesmann 2014)."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, NeuronTable
from anlage.connectome.source import Source
from anlage.errors import ConnectomeError
from anlage.seed import Seed

# Neurons under 1 mm2, excitatory (E) and inhibitory (I) of each layer: Potjans & Diesmann 2014, table 5.
POPULATIONS: Mapping[str, int] = MappingProxyType(
    {
        **{"L23E": 20_683, "L23I": 5_834, "L4E": 21_915, "L4I": 5_479},
        **{"L5E": 4_850, "L5I": 1_065, "L6E": 14_395, "L6I": 2_948},
    }
)
# Probability that at least one synapse joins a neuron of the column's population to one of the row's: ibid., table 5.
PROBABILITY: tuple[tuple[float, ...], ...] = (
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000),
    (0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443),
)
# The thalamus reaches layer 4 first; the thick-tufted cells of layer 5 leave the cortex. Everything else lies in between.
PORT: Mapping[str, str] = MappingProxyType({"L4E": "input", "L5E": "output"})

POTJANS = Source(
    key="microcircuit-potjans2014",
    title="Cortical microcircuit, early sensory cortex, drawn from its statistics (Potjans & Diesmann 2014)",
    version="tables of the paper",
    licence="facts of a paper; the draw is ours",
    origin="https://doi.org/10.1093/cercor/bhs358",
    bibtex="""@article{potjans2014celltype,
  author = {Potjans, Tobias C. and Diesmann, Markus},
  title = {The cell-type specific cortical microcircuit: relating structure and activity in a full-scale spiking network model},
  journal = {Cerebral Cortex}, volume = {24}, number = {3}, pages = {785--806}, year = {2014}, doi = {10.1093/cercor/bhs358}
}
""",
    lossy="A draw from a model, not a measured wiring: within a pair of populations all neurons are alike. Smaller than the "
    "original, with the same probabilities, so that every neuron has fewer partners. Not held: strengths (inhibition four times "
    "excitation, layer 4 to layer 2/3 twice), delays, synapses from the thalamus and from elsewhere. The sign follows the "
    "population.",
)


def microcircuit(share: float = 0.01, rng: np.random.Generator | None = None) -> Connectome:
    """The eight populations at ``share`` of their size, 771 neurons by default, wired at random with the published probabilities.

    The synapses from one population to another are drawn one by one, each with any pre and any post, until there are as many as
    ``n_synapses`` says: so pairs may share several, a neuron may reach itself, and the probabilities are met on average. Without
    ``rng`` it is one draw, the same everywhere; each ``rng`` gives another.

    ``neuron_class`` is the population (``L4E``), ``region`` the layer (``L4``), and the transmitter glutamate or GABA. Layer 4's
    excitatory neurons are the input, layer 5's the output.

    Raises ``ConnectomeError`` for a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ConnectomeError(f"The share of the microcircuit is {share}, but must be above 0 and at most 1.")
    rng = Seed(2014).child("microcircuit").rng() if rng is None else rng
    size = np.array([max(1, round(share * n)) for n in POPULATIONS.values()])
    start, names = np.cumsum(size) - size, tuple(POPULATIONS)
    pre, post = [], []
    for (row, column), n in np.ndenumerate(n_synapses(size)):
        post.append(start[row] + rng.integers(size[row], size=n))
        pre.append(start[column] + rng.integers(size[column], size=n))
    n_neurons = int(size.sum())
    key, count = np.unique(np.concatenate(post) * n_neurons + np.concatenate(pre), return_counts=True)
    population = np.repeat(np.arange(len(size)), size)
    inhibits = np.array([name.endswith("I") for name in names])[population[key % n_neurons]]
    return Connectome(
        name="microcircuit",
        neurons=_neurons([names[p] for p in population]),
        pre=key % n_neurons,
        post=key // n_neurons,
        synapse_count=count.astype(np.int64),
        kind=Categorical(np.full(len(key), KINDS.index("chemical"), dtype=np.int16), KINDS),
        sign=np.where(inhibits, -1, 1).astype(np.int8),
        sign_source=Categorical(np.full(len(key), SIGN_SOURCES.index("assumed"), dtype=np.int16), SIGN_SOURCES),
        transmitter=Categorical(inhibits.astype(np.int16), ("glutamate", "GABA")),
        source=POTJANS,
    )


def n_synapses(size: Int[ndarray, " population"]) -> Int[ndarray, "population population"]:
    """Synapses between populations of these sizes, ``(post, pre)``: ``ln(1 - p) / ln(1 - 1 / (n_post n_pre))``, rounded.

    So many draws among all pairs leave a pair without a synapse with probability ``1 - p`` (Potjans & Diesmann 2014, equation 1).
    """
    pairs: Float[ndarray, "population population"] = np.multiply.outer(size, size).astype(np.float64)
    with np.errstate(divide="ignore"):  # a single pair: one synapse is certain to join it
        drawn = np.round(np.log1p(-np.array(PROBABILITY)) / np.log1p(-1 / pairs))
    return np.asarray(drawn, dtype=np.int64)


def _neurons(population: list[str]) -> NeuronTable:
    n = len(population)
    nothing = Categorical.of([""] * n)
    return NeuronTable(
        id=np.arange(n),
        name=tuple(f"{name}-{row}" for row, name in enumerate(population)),
        role=Categorical.of([PORT.get(name, "inter") for name in population], ROLES),
        side=Categorical.of(["unpaired"] * n),
        neuron_class=Categorical.of(population, tuple(POPULATIONS)),
        cell_type=nothing,
        modality=nothing,
        region=Categorical.of([name[:-1] for name in population], ("L23", "L4", "L5", "L6")),
        pair_id=np.full(n, -1),
        xyz_um=np.full((n, 3), np.nan),
    )
