"""A topology made able to run. Torch starts here."""

from anlage.network.budget import Budget, budget
from anlage.network.dynamics import Leaky
from anlage.network.network import Network, State, live
from anlage.network.port import Encoder, Ports
from anlage.network.recurrent import Backpropagation, Physiology, RecurrentNetwork
from anlage.network.start import OperatingPoint, scale
from anlage.network.stream import Stream
from anlage.network.synapse import Synapses, synapse
from anlage.network.wiring import Wiring

__all__ = [
    "Backpropagation",
    "Budget",
    "Encoder",
    "Leaky",
    "Network",
    "OperatingPoint",
    "Physiology",
    "Ports",
    "RecurrentNetwork",
    "State",
    "Stream",
    "Synapses",
    "Wiring",
    "budget",
    "live",
    "scale",
    "synapse",
]
