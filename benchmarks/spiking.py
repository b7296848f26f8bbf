"""Spiking steps at the size of a whole fly brain: all edges at once, against only the edges of the neurons that fired.

    python benchmarks/spiking.py

139,000 neurons and 15,000,000 edges with heavy-tailed degrees and counts (the size of FlyWire: Dorkenwald et al. 2024, Nature
634:124), one sequence, one thread, float32; a stated share of all neurons fires in each step, driven from outside. Whole time
steps are timed, of which crossing the edges is one part. Below the break-even share, walking the edges is faster.
"""

from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np
import torch

from anlage.network import Circuit, IntegrateAndFire, simulate
from anlage.network.volley import EVENT_SHARE, Volley
from anlage.topology import Topology
from machine import in_turn, keep

NEURONS, EDGES, STEPS, FEWER = 139_000, 15_000_000, 220, 20
SHARES = (0.0001, 0.001, 0.01)
BREAK_EVEN = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)


def fly_sized() -> Topology:
    """Degrees and synapse counts are heavy-tailed; three neurons in ten are inhibitory."""
    rng = np.random.default_rng(0)
    # Sampling by cumulative share, in rows of post so that no list of all pairs is ever sorted at once.
    rank = np.cumsum(rng.lognormal(sigma=0.8, size=NEURONS))
    n_in = rng.multinomial(int(EDGES * 1.02), rng.dirichlet(np.full(NEURONS, 1.5)))
    pre = np.searchsorted(rank, rng.random(n_in.sum()) * rank[-1]).clip(max=NEURONS - 1)
    key = np.unique(np.repeat(np.arange(NEURONS), n_in) * NEURONS + pre)
    key = key[np.sort(rng.permutation(len(key))[:EDGES])]
    sign = np.where(rng.random(NEURONS) < 0.3, -1, 1)
    count = np.ceil(rng.pareto(1.7, len(key))).clip(1, 400) * sign[key % NEURONS]
    return Topology.of(NEURONS, key % NEURONS, key // NEURONS, count)


def main() -> None:
    """Time both ways at three levels of activity, and find where they cost the same."""
    torch.set_num_threads(1)
    topology = fly_sized()
    weight = torch.from_numpy(topology.weight).float()
    # The synapses are crossed but weigh next to nothing, so that the activity stays as stated.
    circuit = Circuit.of(topology, ("all",), IntegrateAndFire(synapse_mv=1e-9, input_synapses=1e11))
    generator = torch.Generator().manual_seed(0)
    rows = {}
    for share in SHARES:
        spikes = circuit.neuron.poisson(1e4 * share, (STEPS, NEURONS, 1), generator)
        run, ways = {}, {"dense": 0.0, "events": 1.1}
        for name, event_share in ways.items():
            run[name] = partial(simulate, replace(circuit, event_share=event_share), weight, spikes=spikes)
        if not torch.equal(*(simulated().dense() for simulated in run.values())):
            raise SystemExit("The two ways do not give the same spikes.")
        # Laying the weights out once costs the same however many steps follow; what is timed is the steps.
        fewer = {
            k: partial(simulate, replace(circuit, event_share=v), weight, spikes=spikes[:FEWER])
            for k, v in ways.items()
        }
        times = in_turn([each[k] for k in ways for each in (run, fewer)], runs=5)
        ms = {
            k: median(whole - begin for whole, begin in zip(times[2 * i], times[2 * i + 1], strict=True))
            / (STEPS - FEWER)
            for i, k in enumerate(ways)
        }
        rows[f"{share:.2%}"] = {
            **{f"{name}_step_ms": round(value, 2) for name, value in ms.items()},
            "ratio": round(ms["dense"] / ms["events"], 1),
        }
    keep(
        "spiking",
        {
            "threads": 1,
            "neurons": NEURONS,
            "edges": topology.n_edges,
            "active_per_step": rows,
            "break_even_share_of_edges": {
                str(batch): break_even(circuit, weight, batch, generator) for batch in (1, 8)
            },
            "switch_at_share_of_edges": EVENT_SHARE,
        },
    )


def break_even(circuit: Circuit, weight: torch.Tensor, batch: int, generator: torch.Generator) -> float:
    """The smallest of some shares of active neurons at which crossing all edges at once is as fast."""
    for share in BREAK_EVEN:
        fired = (torch.rand(NEURONS * batch, generator=generator) < share).nonzero().squeeze(1)
        volleys = (Volley(circuit.wiring, weight, event_share) for event_share in (0.0, 1.1))
        dense, events = in_turn([partial(volley, fired, batch) for volley in volleys], runs=15)
        if median(dense) <= median(events):
            return share
    return 1.0


if __name__ == "__main__":
    main()
