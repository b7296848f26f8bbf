"""A topology made able to run. Torch starts here."""

from anlage.network.budget import Budget, budget
from anlage.network.dynamics import Leaky
from anlage.network.network import Network, State, live
from anlage.network.port import Encoder, Ports
from anlage.network.recurrent import Physiology, RecurrentNetwork
from anlage.network.start import OperatingPoint, scale
from anlage.network.synapse import Synapses, Wiring, synapse

__all__ = [
    "Budget",
    "Encoder",
    "Leaky",
    "Network",
    "OperatingPoint",
    "Physiology",
    "Ports",
    "RecurrentNetwork",
    "State",
    "Synapses",
    "Wiring",
    "budget",
    "live",
    "scale",
    "synapse",
]
