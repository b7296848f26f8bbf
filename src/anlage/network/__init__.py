"""A topology made able to run. Torch starts here."""

from anlage.network.budget import Budget, budget
from anlage.network.distributed import DistributedNetwork
from anlage.network.dynamics import Leaky
from anlage.network.integrate_and_fire import IntegrateAndFire
from anlage.network.network import Network, State, live
from anlage.network.partition import Cut, Partition, blocks, cut, partition
from anlage.network.port import Encoder, Ports
from anlage.network.recurrent import Backpropagation, Physiology, RecurrentNetwork
from anlage.network.spiking import Circuit, Firing, SpikingState, fire, simulate
from anlage.network.spiking_network import SpikingNetwork, SpikingPhysiology
from anlage.network.start import OperatingPoint, scale
from anlage.network.stream import Stream
from anlage.network.synapse import Synapses, synapse
from anlage.network.wiring import Wiring

__all__ = [
    "Backpropagation",
    "Budget",
    "Circuit",
    "Cut",
    "DistributedNetwork",
    "Encoder",
    "Firing",
    "IntegrateAndFire",
    "Leaky",
    "Network",
    "OperatingPoint",
    "Partition",
    "Physiology",
    "Ports",
    "RecurrentNetwork",
    "SpikingNetwork",
    "SpikingPhysiology",
    "SpikingState",
    "State",
    "Stream",
    "Synapses",
    "Wiring",
    "blocks",
    "budget",
    "cut",
    "fire",
    "live",
    "partition",
    "scale",
    "simulate",
    "synapse",
]
