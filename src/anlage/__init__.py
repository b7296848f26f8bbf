"""anlage: grow networks from real brain wiring, and measure honestly what the wiring was worth.

    intelligence = topology + objective + experience

The public names, in the order of the story. They are loaded when first used, so that ``import anlage`` costs nothing and the
wiring layers never load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anlage.connectome import Connectome as Connectome
    from anlage.connectome.fetch import fetch as fetch
    from anlage.connectome.library import load as load
    from anlage.errors import AnlageError as AnlageError
    from anlage.experience import Experience as Experience
    from anlage.learning import Grown as Grown
    from anlage.learning import Recipe as Recipe
    from anlage.learning import grow as grow
    from anlage.learning import read_recipe as read_recipe
    from anlage.network import Network as Network
    from anlage.network import RecurrentNetwork as RecurrentNetwork
    from anlage.network import live as live
    from anlage.objective import CosinePrediction as CosinePrediction
    from anlage.objective import Objective as Objective
    from anlage.objective import SigregPrediction as SigregPrediction
    from anlage.seed import Seed as Seed
    from anlage.study.compare import compare as compare
    from anlage.study.question import Question as Question
    from anlage.topology import Control as Control
    from anlage.topology import DegreePreserving as DegreePreserving
    from anlage.topology import PermuteWeights as PermuteWeights
    from anlage.topology import Topology as Topology
    from anlage.topology import audit as audit
    from anlage.topology import build as build
    from anlage.topology import certify as certify
    from anlage.trace import Episode as Episode
    from anlage.trace import Loss as Loss
    from anlage.trace import Trace as Trace

_HOME = {
    "load": "anlage.connectome.library",
    "fetch": "anlage.connectome.fetch",
    "Connectome": "anlage.connectome",
    "build": "anlage.topology",
    "Topology": "anlage.topology",
    "audit": "anlage.topology",
    "Control": "anlage.topology",
    "DegreePreserving": "anlage.topology",
    "PermuteWeights": "anlage.topology",
    "certify": "anlage.topology",
    "Network": "anlage.network",
    "RecurrentNetwork": "anlage.network",
    "live": "anlage.network",
    "Episode": "anlage.trace",
    "Trace": "anlage.trace",
    "Loss": "anlage.trace",
    "Objective": "anlage.objective",
    "SigregPrediction": "anlage.objective",
    "CosinePrediction": "anlage.objective",
    "Experience": "anlage.experience",
    "Recipe": "anlage.learning",
    "read_recipe": "anlage.learning",
    "grow": "anlage.learning",
    "Grown": "anlage.learning",
    "Question": "anlage.study.question",
    "compare": "anlage.study.compare",
    "Seed": "anlage.seed",
    "AnlageError": "anlage.errors",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'anlage' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
