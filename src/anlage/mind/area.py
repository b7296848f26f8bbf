"""An area: a small network with its own senses, its own objective and its own optimiser. It learns alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from anlage.errors import Diverged, RecipeError
from anlage.mind.recipe import AreaPlan, Nights
from anlage.network import ContextPort, Encoder, OperatingPoint, RecurrentNetwork, State, scale
from anlage.seed import Seed
from anlage.topology import Topology
from anlage.trace import Episode, Trace


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """What reached an area during a day; data, whoever sent it.

    ``error``: for the workspace only, the squared prediction error of every area at every moment but the first.
    """

    observation: Float[Tensor, "batch time input"]
    context: Float[Tensor, "batch time context"] | None
    error: Mapping[str, Float[Tensor, "batch time1"]]


@lru_cache(maxsize=64)
def _wired(plan: AreaPlan, seed: Seed) -> tuple[Topology, OperatingPoint]:
    """The scaled wiring of an area, made once in a process however many nights it spends there."""
    return scale(plan.topology.expanded(plan.wiring(), seed), plan.spectral_radius)


class Area(nn.Module):
    """An encoder of what is sensed, a recurrent network on a topology, and a predictor of the next embedding (its port out).

    Everything random is drawn from streams named after the area, so that it is the same whatever other areas there are.
    """

    def __init__(self, plan: AreaPlan, n_input: int, n_context: int, schedule: Nights, seed: Seed) -> None:
        super().__init__()
        if plan.latent > n_input:
            raise RecipeError(
                f"latent of the area {plan.name} is {plan.latent}, but it senses only {n_input} numbers; a linear embedding "
                "cannot be wider than what it embeds."
            )
        self.plan, self.schedule = plan, schedule
        self.seed = seed.child("area").child(plan.name)
        self.topology, self.operating_point = _wired(plan, self.seed)
        generator = torch.Generator().manual_seed(self.seed.child("interface").integer)
        self.encoder = Encoder(n_input, plan.latent, generator)
        ports, context = plan.ports, self._context(n_context)
        self.network = RecurrentNetwork(
            self.topology, ports.input, ports.output, plan.latent, plan.physiology, generator, context
        )
        trained = [p for p in self.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)

    def _context(self, n_context: int) -> ContextPort | None:
        if not n_context:
            return None
        generator = torch.Generator().manual_seed(self.seed.child("context").integer)
        listening = torch.from_numpy(self.topology.group(self.plan.context))
        return ContextPort(listening, n_context, self.plan.context_share, generator)

    def step(
        self, state: State, observation: Float[Tensor, "batch input"], context: Float[Tensor, "batch context"] | None
    ) -> tuple[State, Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Live one moment: the new state, the embedding of what arrived, and the prediction of the next."""
        embedding: Tensor = self.encoder.map(observation)
        state, prediction = self.network.step(state, embedding, context)
        return state, embedding, prediction

    def trace(
        self, observation: Float[Tensor, "batch time input"], context: Float[Tensor, "batch time context"] | None
    ) -> Trace:
        """Live whole sequences at once, as repeated steps would, so that an objective can be followed back through them."""
        embedding = self.encoder(observation)
        states, prediction = self.network.unroll(embedding, context=context)
        return Trace(embedding, prediction, states, Episode({"sense": observation}))

    def learn(self, received: Received, night: int, progress: Callable[[int, int], None] | None = None) -> None:
        """One night: learn from one's own record of the day, and from nothing else.

        Raises ``Diverged`` when the loss is not finite.
        """
        stream, n_steps = self.seed.child("night").child(night), self.schedule.steps
        for step in range(n_steps):
            rng = stream.child(step).rng()
            row = torch.from_numpy(rng.integers(len(received.observation), size=self.schedule.batch))
            context = None if received.context is None else received.context[row]
            loss = self.plan.objective(self.trace(received.observation[row], context))
            if not torch.isfinite(loss.total):
                raise Diverged(
                    f"The loss of the area {self.plan.name} became {loss.total.item()} in night {night}; lower the learning "
                    "rate or its spectral radius."
                )
            self.optimiser.zero_grad()
            loss.total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            self.optimiser.step()
            if progress:
                progress(step + 1, n_steps)
        self.optimiser.zero_grad()

    def memory(self) -> dict[str, Tensor]:
        """All learned numbers and the optimiser's memory of each, by name."""
        tensors = {f"area.{name}": tensor for name, tensor in self.state_dict().items()}
        for number, kept in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": tensor for name, tensor in kept.items()}
        return tensors

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """Become what ``memory`` was taken from."""
        own: dict[str, Tensor] = {}
        kept: dict[int, dict[str, Tensor]] = {}
        for path, tensor in memory.items():
            part, name = path.split(".", 1)
            if part == "area":
                own[name] = tensor
            else:
                number, key = name.split(".", 1)
                kept.setdefault(int(number), {})[key] = tensor
        self._recall(own)
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": kept})

    def _recall(self, own: Mapping[str, Tensor]) -> None:
        self.load_state_dict(dict(own))
