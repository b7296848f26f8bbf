"""A causal transformer over the last observations, after NEPA, and small."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from anlage.network.budget import Budget
from anlage.network.design import Cost, Match, demand_near, demand_sound, nearest
from anlage.network.network import State
from anlage.network.port import linear

ROTARY_BASE = 100.0
"""The slowest pair turns by about 1 / this, in radians per observation; as in NEPA (Xu et al. 2025, arXiv 2512.16922)."""

LAYER_SCALE = 0.1
"""Start of every LayerScale, for up to 18 layers (Touvron et al. 2021, ICCV). NEPA starts its 12 at 1e-5 and learns longer."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recalled(State):
    """The normalised last layer, and the keys and values of the observations before the next one, newest last.

    Keys carry no position; they are turned by their distance when they are looked up. ``lived`` counts the observations that are
    not zeros, at most as many as fit.
    """

    key: Float[Tensor, "layer batch before width"]
    value: Float[Tensor, "layer batch before width"]
    lived: int


def rotated(vector: Float[Tensor, "*batch time width"], first: int = 0) -> Float[Tensor, "*batch time width"]:
    """Turn every pair of numbers by an angle in proportion to its place in time (Su et al. 2024, Neurocomputing 568:127063).

    Pair ``i`` of ``n`` turns by ``ROTARY_BASE ** (-i / n)`` radians per observation, so that the product of two turned vectors
    depends on how far apart they are and not on when they were. Places count from ``first``.
    """
    time, width = vector.shape[-2:]
    even, odd = torch.unflatten(vector, -1, (width // 2, 2)).unbind(-1)
    pair, place = (torch.arange(*ends).to(vector) for ends in ((0, width // 2), (first, first + time)))
    angle = place.unsqueeze(1) * ROTARY_BASE ** (-pair / (width // 2))
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class Block(nn.Module):
    """Attention and a hidden layer, each on a normalised input and added with a learned scale.

    Queries and keys are normalised per head without scale or shift, as in NEPA's base model; without it some of its runs
    did not converge.
    """

    def __init__(self, width: int, hidden: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = linear(width, 3 * width, generator)
        self.joined = linear(width, width, generator)
        self.up, self.down = linear(width, hidden, generator), linear(hidden, width, generator)
        self.attention_scale = nn.Parameter(torch.full((width,), LAYER_SCALE))
        self.hidden_scale = nn.Parameter(torch.full((width,), LAYER_SCALE))

    def forward(
        self,
        now: Float[Tensor, "batch time width"],
        key: Float[Tensor, "batch before width"],
        value: Float[Tensor, "batch before width"],
        seen: Bool[Tensor, "time all"],
    ) -> tuple[Float[Tensor, "batch time width"], Float[Tensor, "batch all width"], Float[Tensor, "batch all width"]]:
        """The next layer, and all keys and values: those from before and those of now. ``seen``: what each may look at."""
        query, own_key, own_value = self.query_key_value(self.before_attention(now)).chunk(3, -1)
        key, value = torch.cat([key, self._normal(own_key)], 1), torch.cat([value, own_value], 1)
        query, turned = self._by_head(self._normal(query)), rotated(self._by_head(key))
        query = rotated(query, first=key.shape[1] - now.shape[1])  # the newest keys are those of now
        found = scaled_dot_product_attention(query, turned, self._by_head(value), attn_mask=seen)
        now = now + self.attention_scale * self.joined(found.transpose(1, 2).flatten(2))
        return now + self.hidden_scale * self.down(gelu(self.up(self.before_hidden(now)))), key, value

    def _by_head(self, vector: Tensor) -> Tensor:
        return torch.unflatten(vector, -1, (self.heads, -1)).transpose(1, 2)

    def _normal(self, vector: Tensor) -> Tensor:
        """Mean 0 and variance 1 within every head."""
        split = torch.unflatten(vector, -1, (self.heads, -1))
        return layer_norm(split, split.shape[-1:]).flatten(-2)


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """How wide and deep a transformer is; ``hidden`` is the width of the hidden layer of each block."""

    width: int
    hidden: int
    heads: int
    layers: int

    def parameters(self) -> int:
        """Of all blocks and the last normalisation."""
        w, h = self.width, self.hidden
        attention, hidden, norms_and_scales = 4 * w * w + 4 * w, 2 * w * h + h + w, 6 * w
        return self.layers * (attention + hidden + norms_and_scales) + 2 * w

    def multiply_adds(self, context: int) -> int:
        """Of all blocks, for one observation that sees ``context`` of them."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.hidden + 2 * context * self.width)


class Transformer(nn.Module):
    """Layers of attention over the last ``context`` observations, the present one among them.

    After NEPA (Xu et al. 2025, arXiv 2512.16922): causal, normalised before each part and at the end, queries and keys
    normalised, rotary positions, LayerScale, GELU. Not after it: positions are one-dimensional; maps start with variance 1 / n
    instead of 0.02 squared, which is meant for 768 numbers; and a layer reaches back ``context`` observations, so that a life
    without end needs no memory without end. The state shown is the normalised last layer.
    """

    def __init__(
        self,
        n_latent_in: int,
        n_latent_out: int,
        shape: Shape,
        context: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.context, self.shape = context, shape
        self.into = linear(n_latent_in, shape.width, generator)
        blocks = (Block(shape.width, shape.hidden, shape.heads, generator) for _ in range(shape.layers))
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.LayerNorm(shape.width)
        self.out = linear(shape.width, n_latent_out, generator)

    @property
    def multiply_adds(self) -> int:
        """Of one observation of one sequence, once ``context`` observations can be seen: every weight once, and attention."""
        ends = self.into.weight.numel() + self.out.weight.numel()
        return ends + self.shape.multiply_adds(self.context)

    def start(self, batch: int) -> Recalled:
        """Nothing seen."""
        zeros, width = self.into.weight.new_zeros, self.shape.width
        before = zeros(self.shape.layers, batch, self.context - 1, width)
        return Recalled(zeros(batch, width), before, before, 0)

    def step(
        self, state: Recalled, embedding: Float[Tensor, "batch latent"]
    ) -> tuple[Recalled, Float[Tensor, "batch output"]]:
        """Take in one embedding; return the new state and the prediction."""
        age = torch.arange(self.context - 1, -1, -1, device=embedding.device)
        states, key, value = self._live(embedding.unsqueeze(1), state.key, state.value, (age <= state.lived)[None])
        after = Recalled(states[:, 0], key[:, :, 1:], value[:, :, 1:], min(state.lived + 1, self.context - 1))
        return after, self.out(after.activity)

    def unroll(
        self, embedding: Float[Tensor, "batch time latent"]
    ) -> tuple[Float[Tensor, "batch time neuron"], Float[Tensor, "batch time output"]]:
        """All states and predictions along a sequence, equal to repeated steps from ``start``."""
        place = torch.arange(embedding.shape[1], device=embedding.device)
        age = place.unsqueeze(1) - place
        nothing = self.start(len(embedding)).key[:, :, :0]
        states, _, _ = self._live(embedding, nothing, nothing, (age >= 0) & (age < self.context))
        return states, self.out(states)

    def _live(self, embedding: Tensor, key: Tensor, value: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        now, keys, values = self.into(embedding), [], []
        for block, before, content in zip(self.blocks, key, value, strict=True):
            now, all_keys, all_values = block(now, before, content, seen)
            keys.append(all_keys)
            values.append(all_values)
        return self.last(now), torch.stack(keys), torch.stack(values)


@final
@dataclass(frozen=True, slots=True)
class TransformerDesign:
    """A causal transformer; its width is found with hidden layers four times as wide, then theirs, which comes nearer.

    ``context``: observations that one layer sees, the present one among them.
    """

    name: ClassVar[str] = "transformer"

    match: Match = "parameters"
    layers: int = 2
    heads: int = 2
    context: int = 32

    def __post_init__(self) -> None:
        demand_sound(self, "layers", "heads", "context")

    def build(self, n_latent_in: int, n_latent_out: int, budget: Budget, generator: torch.Generator) -> Transformer:
        """A transformer near ``budget``; see ``Design``."""

        def shape(width: int, hidden: int) -> Shape:
            return Shape(width, hidden, self.heads, self.layers)

        def cost(shape: Shape) -> Cost:
            ends = shape.width * (n_latent_in + n_latent_out)
            parameters = ends + shape.width + n_latent_out + shape.parameters()
            return Cost(parameters, ends + shape.multiply_adds(self.context))

        # Four numbers per head at least: positions take pairs, and of a normalised pair nothing but a sign is left.
        unit = 4 * self.heads
        width = unit * nearest(lambda units: cost(shape(unit * units, 4 * unit * units)), budget, self.match)
        found = shape(width, nearest(lambda hidden: cost(shape(width, hidden)), budget, self.match))
        demand_near(f"{self.name} of {self.layers} layers and {self.heads} heads", cost(found), budget, self.match)
        return Transformer(n_latent_in, n_latent_out, found, self.context, generator)
