"""What an arm costs: parameters, multiply-adds and bytes."""

from dataclasses import dataclass, fields

from torch import Tensor

from anlage.network.network import LearningNetwork
from anlage.network.port import Encoder


@dataclass(frozen=True, slots=True)
class Budget:
    """Cost of one network. Multiply-adds are per observation of one sequence, forward only; bytes are of float32 state."""

    trained_parameters: int
    frozen_parameters: int
    multiply_adds: int
    state_bytes: int


def budget(encoder: Encoder | None, network: LearningNetwork) -> Budget:
    """Count what a network has and does, with its encoder or, for None, without."""
    parts: list[Encoder | LearningNetwork] = [network] if encoder is None else [encoder, network]
    trained = sum(p.numel() for part in parts for p in part.parameters() if p.requires_grad)
    kept = sum(tensor.numel() for part in parts for tensor in part.state_dict().values())
    encoding = 0 if encoder is None else encoder.map.weight.numel()
    state = network.start(1)
    held = [getattr(state, field.name) for field in fields(state)]
    n_state = sum(value.numel() for value in held if isinstance(value, Tensor))
    return Budget(trained, kept - trained, encoding + network.multiply_adds, 4 * n_state)
