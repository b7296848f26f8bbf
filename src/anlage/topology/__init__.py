"""Wiring as an object of thought. NumPy and SciPy only."""

from anlage.topology.ablate import InterfaceOnly, NoRecurrence, RandomProjection
from anlage.topology.audit import Audit, audit
from anlage.topology.between import Between
from anlage.topology.blockmodel import BlockModel
from anlage.topology.build import build
from anlage.topology.community import ModularityPreserving
from anlage.topology.control import Certificate, Chain, Control, Remover, certify, control_graph
from anlage.topology.divide import Annotation, Division, Part, divide
from anlage.topology.expand import expand
from anlage.topology.expectation import certify_expansion, certify_shrinkage
from anlage.topology.function import Function
from anlage.topology.permute import (
    BinaryWeights,
    PermuteEdgeSigns,
    PermuteNeuronSigns,
    PermuteSignedWeights,
    PermuteWeights,
)
from anlage.topology.promise import Promise, Promises
from anlage.topology.quantity import Quantity
from anlage.topology.reciprocity import ReciprocityPreserving
from anlage.topology.renumber import near, renumber
from anlage.topology.resized import Resized
from anlage.topology.rewire import BlockPreserving, DegreePreserving, ErdosRenyi
from anlage.topology.ring import Ring
from anlage.topology.shrink import shrink
from anlage.topology.space import LengthPreserving
from anlage.topology.spectrum import PermuteEnds, RankMatched, SpectrumMatched
from anlage.topology.strength import StrengthPreserving
from anlage.topology.structure import Communities
from anlage.topology.topology import Step, Topology

__all__ = [
    "Annotation",
    "Audit",
    "Between",
    "BinaryWeights",
    "BlockModel",
    "BlockPreserving",
    "Certificate",
    "Chain",
    "Communities",
    "Control",
    "DegreePreserving",
    "Division",
    "ErdosRenyi",
    "Function",
    "InterfaceOnly",
    "LengthPreserving",
    "ModularityPreserving",
    "NoRecurrence",
    "Part",
    "PermuteEdgeSigns",
    "PermuteEnds",
    "PermuteNeuronSigns",
    "PermuteSignedWeights",
    "PermuteWeights",
    "Promise",
    "Promises",
    "Quantity",
    "RandomProjection",
    "RankMatched",
    "ReciprocityPreserving",
    "Remover",
    "Resized",
    "Ring",
    "SpectrumMatched",
    "Step",
    "StrengthPreserving",
    "Topology",
    "audit",
    "build",
    "certify",
    "certify_expansion",
    "certify_shrinkage",
    "control_graph",
    "divide",
    "expand",
    "near",
    "renumber",
    "shrink",
]
