"""What was measured. NumPy and SciPy only."""

from anlage.connectome.connectome import KINDS, ROLES, SIGN_SOURCES, Categorical, Connectome, Effectors, NeuronTable
from anlage.connectome.source import Source

__all__ = ["KINDS", "ROLES", "SIGN_SOURCES", "Categorical", "Connectome", "Effectors", "NeuronTable", "Source"]
