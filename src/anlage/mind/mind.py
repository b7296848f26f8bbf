"""A mind: areas that each predict what they sense, joined by messages and by a workspace. No error crosses between them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from anlage.mind.area import Area, Received
from anlage.mind.recipe import WORKSPACE, Broadcast, MindRecipe
from anlage.mind.workspace import Workspace
from anlage.seed import Seed
from anlage.trace import Episode, Trace


@dataclass(frozen=True, slots=True, eq=False)
class Life:
    """What happened while a batch of sequences was lived as one mind.

    ``received``: what reached each area. ``trace``: its embeddings, its predictions, and the states of its output neurons.
    ``surprise``: each area's squared error over its usual one, 0 at the first moment, which nobody predicted. ``gate``: the
    share of each area in what entered the workspace. ``broadcast``: what the workspace said at the end of each moment. The last
    three are empty in a mind without a workspace.
    """

    received: Mapping[str, Received]
    trace: Mapping[str, Trace]
    surprise: Float[Tensor, "batch time area"]
    gate: Float[Tensor, "batch time area"]
    broadcast: Float[Tensor, "batch time context"]


class Mind:
    """The areas of a recipe in their order, and its workspace, as they are before they learned anything."""

    def __init__(self, recipe: MindRecipe, n_observed: Mapping[str, int]) -> None:
        seed, width = Seed(recipe.seed), recipe.workspace.width
        self.recipe = recipe
        self.areas = {
            plan.name: Area(plan, recipe.n_input(plan, n_observed), width, recipe.schedule, seed)
            for plan in recipe.areas
        }
        self.workspace = Workspace(recipe, seed) if width else None

    @property
    def parts(self) -> dict[str, Area]:
        """The areas, and last the workspace if there is one."""
        return self.areas | ({} if self.workspace is None else {WORKSPACE: self.workspace})

    @torch.no_grad()
    def live(self, episode: Episode, broadcast: Broadcast | None = None) -> Life:
        """Live through an episode, moment by moment, all weights fixed.

        In a moment every area takes in its modality, or the messages that the areas before it have just made, and the context of
        the moment before; then the areas compete, and the workspace takes in what won. ``broadcast`` replaces the recipe's.
        """
        day = _Day(self, episode, broadcast or self.recipe.workspace.broadcast)
        for moment in range(day.n_moments):
            day.moment(moment)
        return day.life()


class _Day:
    """The living of one episode."""

    def __init__(self, mind: Mind, episode: Episode, broadcast: Broadcast) -> None:
        self.mind, self.episode, self.broadcast = mind, episode, broadcast
        first = next(iter(episode.observation.values()))
        self.batch, self.n_moments = first.shape[:2]
        self.state = {name: area.network.start(self.batch) for name, area in mind.parts.items()}
        self.expected: dict[str, Tensor] = {}
        self.context = first.new_zeros(self.batch, mind.recipe.workspace.width)
        self.kept: dict[str, dict[str, list[Tensor]]] = {name: {} for name in mind.parts}
        self.selection: dict[str, list[Tensor]] = {"surprise": [], "gate": [], "broadcast": []}

    def moment(self, t: int) -> None:
        """One moment of all areas, then of the workspace."""
        message: dict[str, Tensor] = {}
        error: dict[str, Tensor] = {}
        for name, area in self.mind.areas.items():
            senses = [message[s] if s in message else self.episode.observation[s][:, t] for s in area.plan.sense]
            context = self.context if self.mind.workspace is not None else None
            embedding, prediction = self._step(name, area, torch.cat(senses, 1), context)
            expected = self.expected.get(name)
            error[name] = (
                embedding.new_zeros(self.batch) if expected is None else (embedding - expected).square().mean(1)
            )
            message[name], self.expected[name] = torch.cat([embedding, prediction], 1), prediction
            self.kept[name].setdefault("error", []).append(error[name])
        if self.mind.workspace is not None:
            self._compete(self.mind.workspace, message, error)

    def _compete(self, frontal: Workspace, message: dict[str, Tensor], error: dict[str, Tensor]) -> None:
        gate = frontal.gate(error)
        self._step(WORKSPACE, frontal, frontal.gather(message, gate), None)
        said = self.state[WORKSPACE].activity[:, frontal.heard]
        for what, tensor in (("surprise", frontal.surprise(error)), ("gate", gate), ("broadcast", said)):
            self.selection[what].append(tensor)
        # Batches are drawn at random, so the neighbour is just another sequence.
        self.context = {"on": said, "off": torch.zeros_like(said), "shuffled": said.roll(1, 0)}[self.broadcast]

    def _step(self, name: str, area: Area, sensed: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """One moment of one area, written down."""
        state, embedding, prediction = area.step(self.state[name], sensed, context)
        self.state[name] = state
        kept = {"sensed": sensed, "embedding": embedding, "prediction": prediction}
        kept["state"] = state.activity[:, area.network.ports.output]
        if context is not None:
            kept["context"] = context
        for what, tensor in kept.items():
            self.kept[name].setdefault(what, []).append(tensor)
        return embedding, prediction

    def life(self) -> Life:
        """All that was written down."""
        kept = {name: {w: torch.stack(t, 1) for w, t in own.items()} for name, own in self.kept.items()}
        error = {name: own["error"][:, 1:] for name, own in kept.items() if name != WORKSPACE}
        received = {
            name: Received(own["sensed"], own.get("context"), error if name == WORKSPACE else {})
            for name, own in kept.items()
        }
        trace = {
            name: Trace(own["embedding"], own["prediction"], own["state"], self.episode) for name, own in kept.items()
        }
        nothing = self.context.new_zeros(self.batch, self.n_moments, 0)
        told = {what: torch.stack(t, 1) if t else nothing for what, t in self.selection.items()}
        return Life(received, trace, told["surprise"], told["gate"], told["broadcast"])
