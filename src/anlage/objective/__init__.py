"""What counts as better: pure functions of a trace."""

from anlage.objective.collapse import covariance_term, sigreg, variance_term
from anlage.objective.gauge import effective_rank, persistence, unexplained
from anlage.objective.objective import FarSighted, Objective, steps_ahead
from anlage.objective.prediction import (
    ContrastivePrediction,
    CosinePrediction,
    MultistepPrediction,
    SigregPrediction,
    VicregPrediction,
)

__all__ = [
    "ContrastivePrediction",
    "CosinePrediction",
    "FarSighted",
    "MultistepPrediction",
    "Objective",
    "SigregPrediction",
    "VicregPrediction",
    "covariance_term",
    "effective_rank",
    "persistence",
    "sigreg",
    "steps_ahead",
    "unexplained",
    "variance_term",
]
