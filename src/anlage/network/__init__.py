"""A topology made able to run. Torch starts here."""

from anlage.network.action import ActionHead
from anlage.network.budget import Budget, budget
from anlage.network.dense import DenseDesign, DenseRecurrent
from anlage.network.design import Design, Match, apart
from anlage.network.distributed import DistributedNetwork
from anlage.network.dynamics import Leaky
from anlage.network.foresee import foresee
from anlage.network.gated import Gated, GatedDesign
from anlage.network.integrate_and_fire import IntegrateAndFire
from anlage.network.network import LearningNetwork, Network, State, live, read
from anlage.network.partition import Cut, Partition, blocks, cut, partition
from anlage.network.perceptron import Perceptron, PerceptronDesign
from anlage.network.port import ContextPort, Encoder, Ports
from anlage.network.recurrent import Backpropagation, Physiology, RecurrentNetwork
from anlage.network.silence import silenced
from anlage.network.sparse import SparseDesign, SparseRecurrent
from anlage.network.spiking import Circuit, Firing, SpikingState, fire, simulate
from anlage.network.spiking_network import SpikingNetwork, SpikingPhysiology
from anlage.network.start import OperatingPoint, scale
from anlage.network.stream import Stream
from anlage.network.synapse import Synapses, synapse
from anlage.network.transformer import Transformer, TransformerDesign
from anlage.network.wiring import Wiring

__all__ = [
    "ActionHead",
    "Backpropagation",
    "Budget",
    "Circuit",
    "ContextPort",
    "Cut",
    "DenseDesign",
    "DenseRecurrent",
    "Design",
    "DistributedNetwork",
    "Encoder",
    "Firing",
    "Gated",
    "GatedDesign",
    "IntegrateAndFire",
    "Leaky",
    "LearningNetwork",
    "Match",
    "Network",
    "OperatingPoint",
    "Partition",
    "Perceptron",
    "PerceptronDesign",
    "Physiology",
    "Ports",
    "RecurrentNetwork",
    "SparseDesign",
    "SparseRecurrent",
    "SpikingNetwork",
    "SpikingPhysiology",
    "SpikingState",
    "State",
    "Stream",
    "Synapses",
    "Transformer",
    "TransformerDesign",
    "Wiring",
    "apart",
    "blocks",
    "budget",
    "cut",
    "fire",
    "foresee",
    "live",
    "partition",
    "read",
    "scale",
    "silenced",
    "simulate",
    "synapse",
]
