"""What counts as better: pure functions of a trace."""

from anlage.objective.collapse import covariance_term, sigreg, variance_term
from anlage.objective.gauge import effective_rank, persistence, unexplained
from anlage.objective.objective import Objective
from anlage.objective.prediction import CosinePrediction, SigregPrediction, VicregPrediction

__all__ = [
    "CosinePrediction",
    "Objective",
    "SigregPrediction",
    "VicregPrediction",
    "covariance_term",
    "effective_rank",
    "persistence",
    "sigreg",
    "unexplained",
    "variance_term",
]
