"""Neurons lost after learning."""

from copy import deepcopy

import torch
from jaxtyping import Int
from torch import Tensor

from anlage.network.recurrent import RecurrentNetwork


def silenced(network: RecurrentNetwork, neurons: Int[Tensor, " member"]) -> RecurrentNetwork:
    """A copy in which ``neurons`` are silent for good: nothing reaches them, so they send nothing. Nothing else is changed."""
    silent = deepcopy(network)
    lost = torch.zeros(network.wiring.n_neurons, dtype=torch.bool)
    lost[neurons] = True
    post = torch.repeat_interleave(torch.arange(len(lost)), network.wiring.post_start.diff())
    with torch.no_grad():
        silent.weight[lost[post]] = 0
        silent.bias[lost] = 0
        silent.ports.into.weight[lost[network.ports.input]] = 0
        silent.ports.into.bias[lost[network.ports.input]] = 0
    return silent
