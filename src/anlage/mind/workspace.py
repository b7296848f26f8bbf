"""The frontal workspace: areas compete by surprise for what enters, and what it makes of that is said to all of them.

After the global workspace of Baars (1988, A Cognitive Theory of Consciousness) and Dehaene, Kerszberg & Changeux (1998, PNAS
95:14529), as far as it can be counted: a narrow channel, a competition, a broadcast. Nothing here is conscious.
"""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from anlage.errors import RecipeError
from anlage.mind.area import Area, Received
from anlage.mind.recipe import MindRecipe
from anlage.seed import Seed

MEMORY = 0.5
"""Share of the old estimate that a night keeps of each area's error variance."""


class Workspace(Area):
    """An area that senses a sparse, fixed random sample of all messages, gated by selection.

    Channel ``i`` is the sum, over the areas, of the area's gate times the messages that the channel is wired to. Wires weigh +1
    or -1 over the root of their expected number and never learn. The gate is a softmax, over the areas, of the squared error
    of the prediction that just came true, divided by the area's usual squared error: surprise in units of what is expected of
    this area. The usual error is an average over days, updated at night.
    """

    heard: Int[Tensor, " member"]

    def __init__(self, recipe: MindRecipe, seed: Seed) -> None:
        frontal = recipe.workspace
        super().__init__(frontal.as_area(), frontal.width, 0, recipe.schedule, seed)
        self.names, self.temperature = tuple(area.name for area in recipe.areas), frontal.temperature
        total = sum(area.n_message for area in recipe.areas)
        size = 1 / math.sqrt(max(1.0, frontal.sparsity * total / len(recipe.areas)))
        for area in recipe.areas:
            # A stream for every area, so that an area that comes later finds the wires of the others as they were.
            rng = self.seed.child("wires").child(area.name).rng()
            shape = (frontal.width, area.n_message)
            wire = (rng.random(shape) < frontal.sparsity) * rng.choice([-size, size], shape)
            self.register_buffer(f"wire_{area.name}", torch.from_numpy(wire).to(torch.get_default_dtype()))
            self.register_buffer(f"usual_{area.name}", torch.ones(()))
        output = self.topology.group(recipe.workspace.ports.output)
        if len(output) < frontal.width:
            raise RecipeError(
                f"workspace.width is {frontal.width}, but its output port has {len(output)} neurons to broadcast from; choose a "
                "smaller width or a larger port."
            )
        chosen = self.seed.child("broadcast").rng().permutation(output)[: frontal.width]
        self.register_buffer("heard", torch.from_numpy(chosen), persistent=False)

    def gate(self, error: Mapping[str, Float[Tensor, " batch"]]) -> Float[Tensor, "batch area"]:
        """Who enters: the share of every area, adding up to 1; ``error``: each area's squared error, mean over its axes."""
        return torch.softmax(self.surprise(error) / self.temperature, dim=1)

    def surprise(self, error: Mapping[str, Float[Tensor, " batch"]]) -> Float[Tensor, "batch area"]:
        """Each area's squared error over its usual one: 1 is as expected."""
        return torch.stack([error[name] / self.get_buffer(f"usual_{name}") for name in self.names], dim=1)

    def gather(
        self, message: Mapping[str, Float[Tensor, "batch message"]], gate: Float[Tensor, "batch area"]
    ) -> Float[Tensor, "batch input"]:
        """What enters through the wires."""
        parts = [
            gate[:, i, None] * (message[name] @ self.get_buffer(f"wire_{name}").T) for i, name in enumerate(self.names)
        ]
        return torch.stack(parts).sum(0)

    def learn(self, received: Received, night: int, progress: Callable[[int, int], None] | None = None) -> None:
        """One night, at whose end the usual error of every area is brought up to date."""
        super().learn(received, night, progress)
        for name in self.names:
            usual = self.get_buffer(f"usual_{name}")
            usual.mul_(MEMORY).add_((1 - MEMORY) * received.error[name].mean().clamp_min(1e-6))

    def _recall(self, own: Mapping[str, Tensor]) -> None:
        """Areas that came later keep the wires they were given, and count as never yet surprising."""
        fresh = {f"{kind}_{name}" for kind in ("wire", "usual") for name in self.names}
        kept = {name: tensor for name, tensor in self.state_dict().items() if name in fresh}
        self.load_state_dict({**kept, **own})
