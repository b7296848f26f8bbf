"""Spiking neurons on a wiring: simulated as they are, or as one operation through which weights and input can learn."""

from collections import deque
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from anlage.errors import RecipeError
from anlage.network.integrate_and_fire import IntegrateAndFire
from anlage.network.network import State
from anlage.network.volley import EVENT_SHARE, Volley
from anlage.network.wiring import Wiring
from anlage.topology.topology import Topology


@final
@dataclass(frozen=True, slots=True, eq=False)
class Circuit:
    """Neurons on a wiring, and those of them that receive input; weights are given with each call.

    ``event_share``: see ``Volley``; it decides how fast, not what.
    """

    wiring: Wiring
    neuron: IntegrateAndFire
    input: Int[Tensor, " member"]
    event_share: float = EVENT_SHARE

    @classmethod
    def of(cls, topology: Topology, input: tuple[str, ...], neuron: IntegrateAndFire | None = None) -> "Circuit":
        """The neurons of a topology, as in Shiu et al. 2024 unless said otherwise; ``input`` names groups."""
        return cls(Wiring(topology), neuron or IntegrateAndFire(), torch.from_numpy(topology.group(input)))


@final
@dataclass(frozen=True, slots=True, eq=False)
class SpikingState(State):
    """Everything that decides what spiking neurons do next; ``activity`` is how often each fired during the last observation.

    ``potential`` is in mV above rest, ``synaptic`` in mV; ``waiting``: steps for which the neuron will still be held;
    ``travelling``: spikes on their way, one slot per step of delay, the next to arrive first.
    """

    potential: Float[Tensor, "neuron batch"]
    synaptic: Float[Tensor, "neuron batch"]
    waiting: Int[Tensor, "neuron batch"]
    travelling: Float[Tensor, "delay neuron batch"]

    @classmethod
    def rest(cls, circuit: Circuit, batch: int, like: Tensor) -> "SpikingState":
        """All neurons at rest and nothing on its way, in the number format and on the device of ``like``."""
        silent = like.new_zeros(circuit.wiring.n_neurons, batch)
        travelling = silent.new_zeros(circuit.neuron.delay_steps, *silent.shape)
        return cls(silent.T, silent, silent, silent.to(torch.int32), travelling)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Firing:
    """Every spike of a simulation: in which step, of which neuron, in which sequence of the batch; in order of time."""

    step: Int[Tensor, " spike"]
    neuron: Int[Tensor, " spike"]
    sequence: Int[Tensor, " spike"]
    shape: tuple[int, int, int]
    step_ms: float

    def __repr__(self) -> str:
        steps, neurons, batch = self.shape
        return f"<Firing: {len(self.step):,} spikes of {neurons:,} neurons in {steps * self.step_ms:g} ms, {batch} sequences>"

    def dense(self) -> Bool[Tensor, "time neuron batch"]:
        """Whether each neuron fired, step by step."""
        fired = torch.zeros(self.shape, dtype=torch.bool, device=self.step.device)
        fired[self.step, self.neuron, self.sequence] = True
        return fired

    def rate_hz(self) -> Float[Tensor, "neuron batch"]:
        """Spikes per second of every neuron, over the whole simulation; float64."""
        steps, neurons, batch = self.shape
        count = torch.bincount(self.neuron * batch + self.sequence, minlength=neurons * batch)
        return count.view(neurons, batch).double() / (1e-3 * self.step_ms * steps)


def simulate(
    circuit: Circuit,
    weight: Float[Tensor, " edge"],
    *,
    spikes: Bool[Tensor, "time member batch"] | None = None,
    current_mv: Float[Tensor, "time member batch"] | None = None,
) -> Firing:
    """Start at rest, feed input spikes or currents to the input neurons step by step, and report who fires.

    ``weight``: signed synapse counts in the topology's edge order; its number format is that of the simulation.
    ``spikes``: each adds ``input_mv``; neurons that receive them have no refractory period, as in Shiu et al. 2024.
    ``current_mv``: times the membrane resistance, so in mV; it lifts the potential towards which the neuron moves.

    Raises ``RecipeError`` where neither is given, or not one number per step, input neuron and sequence.

        circuit = Circuit.of(topology, ("modality:taste",))
        drawn = circuit.neuron.poisson(150.0, (10_000, len(circuit.input), 30), generator)  # 1 s, 30 trials side by side
        rates = simulate(circuit, torch.from_numpy(topology.weight).float(), spikes=drawn).rate_hz().mean(1)
    """
    n_steps, batch = _demand_input(circuit, spikes, current_mv)
    start = SpikingState.rest(circuit, batch, weight)
    volley = Volley(circuit.wiring, weight, circuit.event_share)
    neurons = _Membranes(circuit, volley, start, released=spikes is not None)
    fired = [neurons.step(_at(current_mv, n), _at(spikes, n)) for n in range(n_steps)]
    n_fired = torch.tensor([len(each) for each in fired], device=weight.device)
    step = torch.repeat_interleave(torch.arange(n_steps, device=weight.device), n_fired)
    place = torch.cat(fired)
    shape = (n_steps, circuit.wiring.n_neurons, batch)
    return Firing(step, place // batch, place % batch, shape, circuit.neuron.step_ms)


def fire(
    circuit: Circuit,
    weight: Float[Tensor, " edge"],
    state: SpikingState,
    *,
    spikes: Float[Tensor, "time member batch"] | None = None,
    current_mv: Float[Tensor, "time member batch"] | None = None,
) -> tuple[Float[Tensor, "time neuron batch"], SpikingState]:
    """The same from any state, with every spike as a 1, and the state after it.

    Differentiable once in weight, input and state, by the surrogate slope; ``activity`` of the new state counts the spikes.
    """
    _demand_input(circuit, spikes, current_mv)
    before = (state.potential, state.synaptic, state.waiting, state.travelling)
    fired, potential, synaptic, waiting = _Fire.apply(circuit, weight, current_mv, spikes, *before)  # type: ignore[no-untyped-call]
    sent = torch.cat([state.travelling, fired])
    travelling = sent[len(sent) - len(state.travelling) :]
    return fired, SpikingState(fired.sum(0).T, potential, synaptic, waiting, travelling)


def _demand_input(circuit: Circuit, *given: Tensor | None) -> tuple[int, int]:
    """Steps and batch of the input; raises ``RecipeError`` where it cannot be fed."""
    shapes = {tuple(each.shape) for each in given if each is not None}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 3 or shape[1] != len(circuit.input) or 0 in shape:
        raise RecipeError(
            f"The input has shape {sorted({tuple(each.shape) for each in given if each is not None}) or 'none'}, but needs one "
            f"number per step, input neuron ({len(circuit.input)}) and sequence; give spikes, current_mv, or both alike."
        )
    return shape[0], shape[2]


def _at(given: Tensor | None, n: int) -> Tensor | None:
    return None if given is None else given[n]


class _Membranes:
    """Potentials and synaptic drives of all neurons, moved on in place; the spikes on their way are kept as positions."""

    def __init__(self, circuit: Circuit, volley: Volley, state: SpikingState, *, released: bool) -> None:
        self._circuit, self._volley = circuit, volley
        self.potential, self.synaptic, self.waiting = (
            each.detach().clone(memory_format=torch.contiguous_format)
            for each in (state.potential, state.synaptic, state.waiting)
        )
        self.travelling = deque(torch.nonzero(slot.flatten()).squeeze(1) for slot in state.travelling)
        neuron = circuit.neuron
        self._hold = self.waiting.new_full((len(self.waiting),), max(neuron.refractory_steps - 1, 0))
        if released:
            self._hold[circuit.input] = 0
        # Flat positions: adding rows one by one is thirty times slower.
        batch = self.potential.shape[1]
        self._fed = (circuit.input.unsqueeze(1) * batch + torch.arange(batch, device=circuit.input.device)).flatten()
        self.over = torch.empty_like(self.potential)
        self.reset = torch.empty_like(self.waiting, dtype=torch.bool)

    def step(self, current_mv: Tensor | None, spikes: Tensor | None) -> Int[Tensor, " spike"]:
        """One time step; the positions of the neurons that fire. ``over`` (the threshold, mV) and ``reset`` stay to be read."""
        neuron, batch = self._circuit.neuron, self.potential.shape[1]
        held = self.waiting > 0
        self.waiting.sub_(1).clamp_(min=0)
        self.potential.mul_(neuron.keep).add_(self.synaptic, alpha=neuron.pull)
        self.synaptic.mul_(neuron.synapse_keep)
        if current_mv is not None:
            self._feed(current_mv, 1 - neuron.keep)
        torch.sub(self.potential, neuron.threshold_mv - neuron.rest_mv, out=self.over)
        self.over.masked_fill_(held, -torch.inf)
        fires = self.over > 0
        fired = torch.nonzero(fires.flatten()).squeeze(1)
        self.travelling.append(fired)
        if len(arriving := self.travelling.popleft()):
            self.synaptic.add_(self._volley(arriving, batch), alpha=neuron.synapse_mv)
        if spikes is not None:
            self._feed(spikes, neuron.input_mv)
        self.reset = fires | held
        self.potential.masked_fill_(self.reset, neuron.reset_mv - neuron.rest_mv)
        self.synaptic.masked_fill_(self.reset, 0)
        self.waiting.view(-1)[fired] = self._hold[fired // batch]
        return fired

    def _feed(self, given: Tensor, mv: float) -> None:
        """Add to the potentials of the input neurons ``mv`` times what each is given."""
        self.potential.view(-1).index_add_(0, self._fed, given.to(self.potential).flatten(), alpha=mv)


class _Fire(torch.autograd.Function):
    """Many steps as one operation, with its gradient written by hand."""

    @staticmethod
    def forward(
        ctx: Any,
        circuit: Circuit,
        weight: Tensor,
        current: Tensor | None,
        spikes: Tensor | None,
        *before: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        volley = Volley(circuit.wiring, weight, circuit.event_share)
        state = SpikingState(before[0].T, *before)
        neurons = _Membranes(circuit, volley, state, released=spikes is not None)
        n_steps = len(next(each for each in (current, spikes) if each is not None))
        fired = before[0].new_zeros(n_steps, *before[0].shape)
        slope, reset = torch.empty_like(fired), torch.empty_like(fired, dtype=torch.bool)
        for n in range(n_steps):
            fired[n].view(-1)[neurons.step(_at(current, n), _at(spikes, n))] = 1
            reset[n], slope[n] = neurons.reset, circuit.neuron.slope(neurons.over)
        ctx.circuit, ctx.volley = circuit, volley
        ctx.save_for_backward(fired, slope, reset, before[-1])
        ctx.mark_non_differentiable(neurons.waiting)
        return fired, neurons.potential, neurons.synaptic, neurons.waiting

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, to_fired: Tensor, to_potential: Tensor, to_synaptic: Tensor, _: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The steps once more, last first. ``to_x`` is the gradient of the loss to ``x``."""
        neuron, input, crossing = ctx.circuit.neuron, ctx.circuit.input, ctx.volley.crossing
        fired, slope, reset, travelling = ctx.saved_tensors
        _, to_weight, to_current, to_spikes, *_ = ctx.needs_input_grad
        to_sent = torch.cat([torch.zeros_like(travelling), to_fired])
        to_arrived = torch.empty_like(fired)
        given = to_fired.new_empty(len(fired), len(input), fired.shape[2])
        current, spikes = (torch.empty_like(given) if needed else None for needed in (to_current, to_spikes))
        for n in reversed(range(len(fired))):
            to_potential, to_synaptic = (each.masked_fill(reset[n], 0) for each in (to_potential, to_synaptic))
            to_arrived[n] = to_synaptic * neuron.synapse_mv
            to_sent[n] = crossing.backward(to_arrived[n], to_sent[n])
            if spikes is not None:
                spikes[n] = to_potential[input] * neuron.input_mv
            to_potential = to_potential + to_sent[n + len(travelling)] * slope[n]
            if current is not None:
                current[n] = to_potential[input] * (1 - neuron.keep)
            to_synaptic = neuron.synapse_keep * to_synaptic + neuron.pull * to_potential
            to_potential = neuron.keep * to_potential
        weight = None
        if to_weight:
            weight = crossing.edges_of_steps(to_arrived, torch.cat([travelling, fired])[: len(fired)])
        return None, weight, current, spikes, to_potential, to_synaptic, None, to_sent[: len(travelling)]
