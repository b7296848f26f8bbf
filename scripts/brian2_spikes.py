"""The spikes that Brian2 finds in one random network: the oracle of tests/unit/network/test_spiking.py.

    python -m venv elsewhere && elsewhere/bin/pip install 'brian2==2.9.0' 'numpy<2'
    elsewhere/bin/python scripts/brian2_spikes.py            # write tests/unit/network/brian2_spikes.npz
    elsewhere/bin/python scripts/brian2_spikes.py --check    # run again and compare

Brian2 (Stimberg et al. 2019, eLife 8:e47314; CeCILL 2.1) needs an older NumPy than the tests, so it runs in an environment of
its own, and what it found is kept. Nothing of anlage is used here. The equations are those of Shiu et al. 2024 (Nature 634:210;
model.py of github.com/philshiu/Drosophila_brain_model), with a constant current added; input spikes are drawn once and given as
times.
"""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

import brian2
import numpy as np
from brian2 import Hz, Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms, mV

KEPT = Path(__file__).parents[1] / "tests" / "unit" / "network" / "brian2_spikes.npz"
N_NEURONS, N_EDGES, N_INPUT, N_STEPS = 1_000, 20_000, 50, 2_500
STEP = 0.1 * ms
EQUATIONS = """
dv/dt = (-52*mV - v + g + current) / (20*ms) : volt (unless refractory)
dg/dt = -g / (5*ms) : volt (unless refractory)
current : volt
silent_for : second
"""


def network(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Edges in random order, heavy-tailed counts, three neurons in ten inhibitory; the first neurons are the input."""
    key = np.sort(rng.choice(N_NEURONS**2, N_EDGES, replace=False))
    pre, post = key % N_NEURONS, key // N_NEURONS
    sign = np.where(rng.random(N_NEURONS) < 0.3, -1, 1)
    count = np.ceil(20 * rng.pareto(1.7, N_EDGES)).clip(1, 400) * sign[pre]
    return {"pre": pre.astype(np.int16), "post": post.astype(np.int16), "count": count.astype(np.int16)}


def spikes(edges: dict[str, np.ndarray], step: np.ndarray, neuron: np.ndarray, current_mv: float) -> np.ndarray:
    """What fires, as rows of step and neuron, when these input spikes arrive, or this current flows into the input neurons."""
    brian2.defaultclock.dt = STEP
    neurons = NeuronGroup(
        N_NEURONS,
        EQUATIONS,
        method="linear",
        threshold="v > -45*mV",
        reset="v = -52*mV; g = 0*mV",
        refractory="silent_for",
    )
    neurons.v, neurons.silent_for = -52 * mV, 2.2 * ms
    neurons.current[:N_INPUT] = current_mv * mV
    if len(step):  # the model releases the targets of Poisson input from their refractory period
        neurons.silent_for[:N_INPUT] = 0 * ms
    edge = Synapses(neurons, neurons, "w : volt", on_pre="g_post += w", delay=1.8 * ms)
    edge.connect(i=edges["pre"].astype(int), j=edges["post"].astype(int))
    edge.w = edges["count"] * 0.275 * mV
    source = SpikeGeneratorGroup(N_INPUT, neuron.astype(int), step * STEP)
    into = Synapses(source, neurons, on_pre="v_post += 250 * 0.275*mV", delay=0 * ms)
    into.connect(i=np.arange(N_INPUT), j=np.arange(N_INPUT))
    monitor = SpikeMonitor(neurons)
    Network(neurons, edge, source, into, monitor).run(N_STEPS * STEP)
    fired = np.stack([np.rint(monitor.t / STEP).astype(np.int16), np.asarray(monitor.i).astype(np.int16)], 1)
    return fired[np.lexsort((fired[:, 1], fired[:, 0]))]


def build() -> dict[str, np.ndarray]:
    """The network; three Poisson inputs and what they cause; and what a constant current causes."""
    brian2.prefs.codegen.target = "numpy"
    arrays = network(np.random.default_rng(0))
    for seed in range(3):
        drawn = np.random.default_rng(seed + 1).random((N_STEPS, N_INPUT)) < 150 * Hz * STEP
        step, neuron = np.nonzero(drawn)
        arrays[f"input{seed}"] = np.stack([step, neuron], 1).astype(np.int16)
        arrays[f"fired{seed}"] = spikes(arrays, step, neuron, 0.0)
    none = np.zeros(0, dtype=int)
    arrays["fired_by_current"] = spikes(arrays, none, none, 12.0)
    return arrays


def keep(arrays: dict[str, np.ndarray]) -> None:
    """Write them with fixed times, so that equal arrays give an equal file."""
    with zipfile.ZipFile(KEPT, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            text = BytesIO()
            np.save(text, array)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), text.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main() -> int:
    """Write or check; 1 when Brian2 no longer finds the same spikes."""
    arrays = build()
    print({name: len(array) for name, array in arrays.items()})
    if "--check" not in sys.argv[1:]:
        keep(arrays)
        return 0
    with np.load(KEPT) as kept:
        differing = sorted(name for name in arrays if not np.array_equal(arrays[name], kept[name]))
    print(f"differing from the kept ones: {', '.join(differing) or 'none'}")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
