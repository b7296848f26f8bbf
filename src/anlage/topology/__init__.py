"""Wiring as an object of thought. NumPy and SciPy only."""

from anlage.topology.ablate import InterfaceOnly, NoRecurrence
from anlage.topology.audit import Audit, audit
from anlage.topology.build import build
from anlage.topology.control import Certificate, Control, certify, control_graph
from anlage.topology.expand import expand
from anlage.topology.expectation import certify_expansion, certify_shrinkage
from anlage.topology.permute import PermuteEdgeSigns, PermuteNeuronSigns, PermuteWeights
from anlage.topology.promise import Promise, Promises
from anlage.topology.quantity import Quantity
from anlage.topology.renumber import near, renumber
from anlage.topology.resized import Resized
from anlage.topology.rewire import BlockPreserving, DegreePreserving, ErdosRenyi
from anlage.topology.shrink import shrink
from anlage.topology.topology import Step, Topology

__all__ = [
    "Audit",
    "BlockPreserving",
    "Certificate",
    "Control",
    "DegreePreserving",
    "ErdosRenyi",
    "InterfaceOnly",
    "NoRecurrence",
    "PermuteEdgeSigns",
    "PermuteNeuronSigns",
    "PermuteWeights",
    "Promise",
    "Promises",
    "Quantity",
    "Resized",
    "Step",
    "Topology",
    "audit",
    "build",
    "certify",
    "certify_expansion",
    "certify_shrinkage",
    "control_graph",
    "expand",
    "near",
    "renumber",
    "shrink",
]
