"""What is odd about a wiring that was given, and what may be done about it. Nothing odd is passed over in silence."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anlage.errors import ConnectomeError, UnknownName


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be done about one defect: option -> what then was done. ``default`` is taken unasked; without one, nothing is.

    Without ``options`` any text may be given, as ``help`` explains.
    """

    help: str
    options: Mapping[str, str]
    default: str = ""

    def check(self, option: str) -> None:
        """Raise ``UnknownName`` for an option that does not exist."""
        if self.options and option not in self.options:
            raise UnknownName("option", option, self.options)


# Where the default is empty, the science would depend on it: the import is refused until somebody has chosen.
CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        "rows": Choice("which end of an edge the rows of a matrix are", {"pre": "", "post": ""}),
        "header": Choice("whether the tables of edges begin with a line of names", {"yes": "", "none": ""}, "yes"),
        "array": Choice("which array of an .npz holds the matrix", {}),
        "sign_source": Choice("who says which sign an edge has", {"measured": "", "predicted": "", "assumed": ""}),
        "xyz_um": Choice("micrometres per unit of x, y, z: 0.001 for nanometres, 0.004,0.004,0.04 for voxels", {}),
        "missing": Choice("rows in which an id or a count is missing", {"drop": "dropped"}),
        "float_ids": Choice(
            "ids above 2**53 that were stored as floats, so that neighbours are one", {"accept": "taken as they are"}
        ),
        "unknown_ids": Choice(
            "neurons that have edges but are not in the neuron table",
            {"add": "added, with nothing known about them", "drop": "dropped with all their edges"},
        ),
        "repeated_neurons": Choice("rows of the neuron table with the same id", {"first": "the first was used"}),
        "negative": Choice("negative counts", {"sign": "taken as the count and the sign of the edge"}),
        "zero": Choice("edges without any synapse", {"drop": "dropped"}),
        "fractional": Choice("counts that are not whole", {"keep": "kept as they are"}),
        "duplicates": Choice("edges that are listed more than once", {"sum": "their counts were added up"}),
        "mixed_signs": Choice("edges whose rows disagree about the sign", {"unknown": "their sign is unknown"}),
        "mixed_transmitters": Choice(
            "edges whose rows disagree about the transmitter",
            {"largest": "the one with the most synapses was taken", "unknown": "their transmitter is unknown"},
        ),
        "undirected": Choice(
            "edges without a direction",
            {"gap_junction": "taken as gap junctions", "both": "taken as one chemical edge each way"},
        ),
        "mirrored": Choice(
            "gap junctions that are listed once from each end",
            {"once": "taken as the same junctions", "sum": "their counts were added up"},
        ),
        "self_loops": Choice("edges from a neuron to itself", {"keep": "kept", "drop": "dropped"}, "keep"),
        "isolated": Choice("neurons without edges", {"keep": "kept", "drop": "dropped"}, "keep"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd: how often, in one sentence, and what was chosen; an empty ``option`` means that a choice is needed.

    A finding about no ``defect`` is worth knowing and has nothing to choose.
    """

    sentence: str
    defect: str = ""
    option: str = ""

    @property
    def open(self) -> bool:
        """Whether a choice is needed."""
        return bool(self.defect and not self.option)

    def __str__(self) -> str:
        if not self.defect:
            return f"{self.sentence}."
        choice = CHOICES[self.defect]
        if self.option:
            return f"{self.sentence}: {choice.options.get(self.option) or self.option}."
        flag = "--" + self.defect.replace("_", "-")
        ways = [f"{flag} {option} ({done})" if done else f"{flag} {option}" for option, done in choice.options.items()]
        return f"{self.sentence}; choose {' or '.join(ways) or flag + ' ' + choice.help}."


class Ledger:
    """The findings of one import, in the order in which they were made."""

    def __init__(self, choices: Mapping[str, str]) -> None:
        self._choices = choices
        self.findings: list[Finding] = []

    def note(self, sentence: str) -> None:
        """Write down what needs no choice."""
        self.findings.append(Finding(sentence))

    def settle(self, defect: str, sentence: str) -> str:
        """Write down a defect and return what is to be done about it.

        Without a choice it is the first option, so that the rest can be looked at; ``demand`` then refuses the whole.
        """
        choice = CHOICES[defect]
        option = self._choices.get(defect, choice.default)
        self.findings.append(Finding(sentence, defect, option))
        return option or next(iter(choice.options), "")

    def demand(self) -> None:
        """Raise ``ConnectomeError`` with every finding that still needs a choice."""
        if needed := [str(finding) for finding in self.findings if finding.open]:
            raise ConnectomeError("\n        ".join(needed))

    def account(self) -> str:
        """Everything found and done, in sentences."""
        return " ".join(map(str, self.findings))
