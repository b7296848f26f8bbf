"""A recurrent network on a random sparse wiring: as many edges as a real one, and nothing else of it."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch

from anlage.errors import RecipeError
from anlage.network.budget import Budget
from anlage.network.design import Cost, Match, demand_near, demand_sound, nearest
from anlage.network.dynamics import Leaky
from anlage.network.port import linear
from anlage.network.recurrent import Physiology, RecurrentNetwork
from anlage.network.start import scale
from anlage.topology.topology import Step, Topology


def random_wiring(n_neurons: int, n_edges: int, ports: tuple[int, int], rng: np.random.Generator) -> Topology:
    """Edges between uniformly random ordered pairs of different neurons (Gilbert 1959; Erdos & Renyi 1959), weights normal.

    ``ports``: the first neurons receive, the last are read, so many of each. Which they are makes no difference: the
    wiring is the same in law under every renumbering.
    """
    number = rng.choice(n_neurons * (n_neurons - 1), size=n_edges, replace=False, shuffle=False)
    post, pre = number // (n_neurons - 1), number % (n_neurons - 1)
    groups = {"input": np.arange(ports[0]), "output": np.arange(n_neurons - ports[1], n_neurons)}
    step = Step("random_wiring", {"n_neurons": n_neurons, "n_edges": n_edges}, "Erdos & Renyi 1959, Publ Math 6:290")
    weight = rng.standard_normal(n_edges)
    return Topology.of(n_neurons, pre + (pre >= post), post, weight, groups=groups, history=(step,))


class SparseRecurrent(RecurrentNetwork):
    """A ``RecurrentNetwork`` on a random wiring, whose prediction may have another width than its embedding."""

    def __init__(
        self,
        n_latent_in: int,
        n_latent_out: int,
        topology: Topology,
        physiology: Physiology,
        generator: torch.Generator,
    ) -> None:
        super().__init__(topology, ("input",), ("output",), n_latent_in, physiology, generator)
        self.topology = topology
        if n_latent_out != n_latent_in:
            self.ports.out = linear(len(self.ports.output), n_latent_out, generator)


@final
@dataclass(frozen=True, slots=True)
class SparseDesign:
    """A random sparse network; its number of edges is found.

    ``n_neurons``: 0 for as many as the budget's state has numbers, which are those of the wired network it was counted on.
    ``n_input``, ``n_output``: neurons that receive and that are read; 0 for all. With the ports and ticks of a wired network, it
    gets exactly as many edges.
    """

    name: ClassVar[str] = "sparse"

    match: Match = "parameters"
    n_neurons: int = 0
    n_input: int = 0
    n_output: int = 0
    spectral_radius: float = 0.9
    leak: float = 0.5
    ticks: int = 1

    def __post_init__(self) -> None:
        demand_sound(self, "ticks")
        if min(self.n_neurons, self.n_input, self.n_output) < 0:
            raise RecipeError(f"n_neurons, n_input and n_output of {self.name} must be 0 or more.")
        Leaky(self.leak)

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> SparseRecurrent:
        """A sparse network near ``budget``; see ``Design``."""
        n = self.n_neurons or budget.state_bytes // 4
        n_input, n_output = self.n_input or n, self.n_output or n
        if max(n_input, n_output, 2) > n:
            raise RecipeError(f"{self.name} has {n} neurons, which is too few for ports of {n_input} and {n_output}.")
        ends = n_input * n_latent_in + n_output * n_latent_out

        def cost(edges: int) -> Cost:
            return Cost(edges + n + ends + n_input + n_latent_out, self.ticks * edges + ends)

        edges = min(nearest(cost, budget, self.match), n * (n - 1))
        demand_near(f"{self.name} network of {n:,} neurons", cost(edges), budget, self.match)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        wiring = scale(random_wiring(n, edges, (n_input, n_output), rng), self.spectral_radius)[0]
        physiology = Physiology(Leaky(self.leak), self.ticks, "free")
        return SparseRecurrent(n_latent_in, n_latent_out, wiring, physiology, generator)
