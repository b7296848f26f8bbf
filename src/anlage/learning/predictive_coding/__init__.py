"""Predictive coding: every neuron has a value and an error, and learns from nothing but these and its presynaptic partners.

    value -> prediction of every neuron -> error -> value, until they agree; then weight += rate * error * presynaptic activity

On layers and on any wiring. Rao & Ballard 1999, Nat Neurosci 2:79; Whittington & Bogacz 2017, Neural Comput 29:1229; on arbitrary
graphs Salvatori et al. 2022, arXiv 2201.13180.
"""

from anlage.learning.predictive_coding.activation import Activation
from anlage.learning.predictive_coding.graph import PredictiveGraph, energy, errors
from anlage.learning.predictive_coding.inference import Inference, infer, learn
from anlage.learning.predictive_coding.layered import Layered, backpropagated
from anlage.learning.predictive_coding.wired import Wired

__all__ = [
    "Activation",
    "Inference",
    "Layered",
    "PredictiveGraph",
    "Wired",
    "backpropagated",
    "energy",
    "errors",
    "infer",
    "learn",
]
