"""One night of one area, here or in a process of its own: what it knew, what it received, what it knows after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from anlage.learning.checkpoint import read_checkpoint, write_checkpoint
from anlage.mind.area import Area, Received
from anlage.mind.recipe import WORKSPACE, MindRecipe
from anlage.mind.workspace import Workspace
from anlage.seed import Seed

Numbers = np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """All that one area needs for one night; plain arrays, so that it can be sent to another process.

    ``before`` is absent in the first night. The same night gives the same file, wherever and in whatever order it is spent.
    """

    recipe: MindRecipe
    name: str
    number: int
    observation: Numbers
    context: Numbers | None
    error: Mapping[str, Numbers]
    before: Path | None
    after: Path

    @classmethod
    def of(
        cls, recipe: MindRecipe, name: str, number: int, received: Received, before: Path | None, after: Path
    ) -> "Night":
        """A night from what an area received."""
        context = None if received.context is None else received.context.numpy()
        error = {who: tensor.numpy() for who, tensor in received.error.items()}
        return cls(recipe, name, number, received.observation.numpy(), context, error, before, after)

    def spend(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Learn, and write what was learned; a kill before the end leaves the area as it was in the evening."""
        area = raise_area(self.recipe, self.name, self.observation.shape[-1])
        if self.before is not None:
            recall(area, self.recipe, self.before)
        context = None if self.context is None else torch.from_numpy(self.context)
        error = {who: torch.from_numpy(array) for who, array in self.error.items()}
        area.learn(Received(torch.from_numpy(self.observation), context, error), self.number, progress)
        keep(area, self.recipe, self.after, self.number + 1)


def raise_area(recipe: MindRecipe, name: str, n_input: int) -> Area:
    """One area of a mind, or its workspace, as it is before it learned anything."""
    seed = Seed(recipe.seed)
    if name == WORKSPACE:
        return Workspace(recipe, seed)
    return Area(recipe.area(name), n_input, recipe.workspace.width, recipe.schedule, seed)


def keep(area: Area, recipe: MindRecipe, path: Path, nights: int) -> None:
    """Write all that an area learned, atomically."""
    write_checkpoint(path, identity(recipe, area), area.memory(), {"nights": nights})


def recall(area: Area, recipe: MindRecipe, path: Path) -> None:
    """Make an area what the file says; raises ``CheckpointError`` for a damaged file or that of another recipe."""
    area.remember(read_checkpoint(path, identity(recipe, area))[0])


def identity(recipe: MindRecipe, area: Area) -> str:
    """What a checkpoint belongs to: the whole recipe, the area, and its wiring."""
    return f"{recipe.identity}-{area.plan.name}-{area.topology.fingerprint}"
