"""What an arm costs: parameters, multiply-adds and bytes."""

from dataclasses import dataclass

from anlage.network.port import Encoder
from anlage.network.recurrent import RecurrentNetwork


@dataclass(frozen=True, slots=True)
class Budget:
    """Cost of one network. Multiply-adds are per observation of one sequence, forward only; bytes are of float32 state."""

    trained_parameters: int
    frozen_parameters: int
    multiply_adds: int
    state_bytes: int


def budget(encoder: Encoder, network: RecurrentNetwork) -> Budget:
    """Count what a network has and does."""
    parameters = [*encoder.parameters(), *network.parameters()]
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    frozen = sum(p.numel() for p in parameters if not p.requires_grad)
    frozen += 0 if network.weight.requires_grad else network.weight.numel() + network.bias.numel()
    linear = sum(m.weight.numel() for m in (encoder.map, network.ports.into, network.ports.out))
    recurrent = network.physiology.ticks * network.wiring.n_edges
    return Budget(trained, frozen, linear + recurrent, 4 * network.wiring.n_neurons)
