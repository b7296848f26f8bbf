"""Who predicts and who compares in a layered cortex: two answers from the literature, as names of groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anlage.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Roles:
    """Groups that receive the input, that predict the next one, and that compare it with what came; and who says so.

    A group may have two roles. As ports of a recipe, ``input`` is what it receives with and ``predict`` what is read.
    """

    input: tuple[str, ...]
    predict: tuple[str, ...]
    compare: tuple[str, ...]
    reference: str

    def demand(self, topology: Topology) -> None:
        """Raise ``UnknownName`` or ``TopologyError`` when the topology lacks one of the groups."""
        for names in (self.input, self.predict, self.compare):
            topology.group(names)


DEEP_PREDICTS = Roles(
    input=("region:L4",),
    predict=("class:L5E", "class:L6E"),
    compare=("class:L23E",),
    reference="Bastos et al. 2012, Neuron 76:695: deep layers predict, superficial ones send what is left",
)
SUPERFICIAL_PREDICTS = Roles(
    input=("region:L4", "region:L5"),
    predict=("class:L23E",),
    compare=("class:L5E",),
    reference="Nejad et al. 2025, Nat Commun 16:6178: layer 2/3 predicts what the thalamus also brings to layer 5",
)
LAMINAR: Mapping[str, Roles] = MappingProxyType(
    {"deep-predicts": DEEP_PREDICTS, "superficial-predicts": SUPERFICIAL_PREDICTS}
)
"""Both presets by name."""
