"""How animals forage in an arena: reference behaviours, a measured brain without training, and rewired brains tuned alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anlage.connectome.connectome import Connectome
from anlage.errors import AnlageError, BodyError
from anlage.experience.arena import Arena, assay
from anlage.experience.arena_behaviour import REFERENCES, Forager
from anlage.experience.arena_body import Crawler, Larva, Worm
from anlage.experience.arena_score import Index, Track, forage, scores
from anlage.experience.arena_wired import SETTINGS, BrainPorts, Wired, brain_ports
from anlage.network.start import scale
from anlage.seed import Seed
from anlage.topology import DegreePreserving, build, control_graph
from anlage.topology.topology import Topology

RADIUS = 0.9
"""Spectral radius of every wiring."""
TUNING_S = 60.0
"""Length of the lives that a setting is chosen by."""
CONNECTOME, REWIRED = "connectome", "degree-preserving"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is lived: animals per arm, seconds of a life, rewired graphs, and the seed of everything."""

    animals: int = 64
    seconds: float = 180.0
    graphs: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 1e5:
            raise AnlageError(f"A life of {self.seconds:g} s was asked for; give between 1 and 100,000.")
        if self.animals < len(SETTINGS) or self.graphs < 0:
            raise AnlageError(
                f"{self.animals} animals and {self.graphs} rewired graphs were asked for; give at least {len(SETTINGS)} and 0."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """One arm: what happened, its indices, and what else there is to say."""

    name: str
    track: Track
    found: tuple[Index, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Foraging:
    """All arms in the same dish, each with starts of its own."""

    connectome: Connectome
    arena: Arena
    plan: Plan
    arms: tuple[Lives, ...]


def body_of(connectome: Connectome) -> Crawler:
    """A larva for the larva, a worm for a worm. Raises ``BodyError`` for others."""
    if connectome.name == "larva":
        return Larva()
    if connectome.name.startswith("worm"):
        return Worm()
    raise BodyError(f"{connectome.name} has no body in the arena; use larva or worm.")


def carry_out(connectome: Connectome, plan: Plan, progress: Callable[[str, int, int], None] | None = None) -> Foraging:
    """Let every arm live. Raises ``ControlError`` when a graph is not what its control declares."""
    body = body_of(connectome)
    arena = Arena(assay(body.name), body, n_agents=plan.animals)
    ports = brain_ports(connectome, arena.senses)
    measured = build(connectome, signs="known", weights="count")
    brains: list[tuple[str, Topology]] = [(CONNECTOME, measured)]
    for i in range(plan.graphs):
        rng = Seed(plan.seed).child(REWIRED).child(i).rng()
        brains.append((f"{REWIRED} {i + 1}", control_graph(DegreePreserving(), measured, rng)[0]))
    total = len(REFERENCES) + len(brains)

    def tell(done: int) -> None:
        if progress:
            progress("arms", done, total)

    arms = []
    for reference in REFERENCES:
        arms.append(_lived(arena, reference(), plan, reference.name))
        tell(len(arms))
    for name, topology in brains:
        arms.append(_tuned(arena, scale(topology, RADIUS)[0], ports, plan, name))
        tell(len(arms))
    return Foraging(connectome, arena, plan, tuple(arms))


def _lived(arena: Arena, forager: Forager, plan: Plan, name: str) -> Lives:
    track = forage(arena, forager, [Seed(plan.seed).child("life").child(name).rng()], plan.seconds)
    drop = arena.scene.drops[0]
    return Lives(name, track, scores(track, (drop.x_mm, drop.y_mm), Seed(plan.seed).child("interval").rng()))


def _tuned(arena: Arena, topology: Topology, ports: BrainPorts, plan: Plan, name: str) -> Lives:
    """The setting whose animals came nearest to the drop in lives of their own, then scored in others."""
    seconds = min(TUNING_S, plan.seconds)
    track = forage(
        arena, Wired(topology, ports, SETTINGS), [Seed(plan.seed).child("tuning").child(name).rng()], seconds
    )
    drop = arena.scene.drops[0]
    distance = np.linalg.norm(track.place[:, 0] - np.array([drop.x_mm, drop.y_mm]), axis=-1).mean(0)
    best = int(np.argmin([distance[i :: len(SETTINGS)].mean() for i in range(len(SETTINGS))]))
    lived, chosen = _lived(arena, Wired(topology, ports, (SETTINGS[best],)), plan, name), SETTINGS[best]
    return replace(lived, note=f"kinesis {chosen.kinesis:+d}, steering {chosen.steering:+d}")


def sentences(run: Foraging) -> list[str]:
    """What was found, in a few sentences."""
    value = {lives.name: lives.found for lives in run.arms}
    brain, drop = value[CONNECTOME], run.arena.scene.drops[0]
    said = [
        f"{run.plan.animals} animals with the measured wiring ({run.connectome.source.title}), untrained, have after "
        f"{run.plan.seconds:g} s a {brain[0]} for {drop.odour}.",
        f"A walk at random has {value['random walk'][0].value:+.2f}, the two rules of klinokinesis "
        f"{value['run and turn'][0].value:+.2f}, whoever knows the slope {value['true gradient'][0].value:+.2f}.",
    ]
    graphs = [found[0].value for name, found in value.items() if name.startswith(REWIRED)]
    if graphs:
        below = sum(one < brain[0].value for one in graphs)
        said.append(
            f"Of {len(graphs)} rewired brains, tuned alike, {below} {'has' if below == 1 else 'have'} less: "
            f"{', '.join(f'{one:+.2f}' for one in graphs)}. "
            "So few graphs allow no verdict."
        )
    return said
