"""What keeps an embedding from collapsing: statistics of a batch of embeddings, written from their formulas."""

import torch
from jaxtyping import Float
from torch import Tensor


def sigreg(
    sample: Float[Tensor, "sample latent"], *, n_directions: int = 64, n_knots: int = 17, reach: float = 3.0
) -> Float[Tensor, ""]:
    """Distance of a sample from a standard normal distribution: a sliced Epps-Pulley statistic.

    Each of ``n_directions`` unit vectors (four times the latent width, where that is more) turns the sample into numbers ``z``
    whose empirical characteristic function is compared with that of N(0, 1):
    ``N * integral |mean(exp(i t z)) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt``, by the trapezoid rule on ``n_knots`` points of
    [0, ``reach``] and doubled, the integrand being even. The mean over directions is returned; its expectation for
    independent normal samples does not depend on their number (moments of one sequence are not independent).

    Directions are the same at every call, so that the objective stays a pure function. Balestriero & LeCun 2025, arXiv
    2511.08544; Epps & Pulley 1983, Biometrika 70:723.
    """
    generator = torch.Generator().manual_seed(0)
    # Fewer directions than axes would leave some axes unseen.
    direction = torch.randn(sample.shape[1], max(n_directions, 4 * sample.shape[1]), generator=generator).to(sample)
    direction = direction / direction.norm(dim=0)
    knot = torch.linspace(0, reach, n_knots).to(sample)
    normal = torch.exp(-knot.square() / 2)
    angle = (sample @ direction).unsqueeze(-1) * knot
    gap = (angle.cos().mean(0) - normal).square() + angle.sin().mean(0).square()
    return 2 * len(sample) * torch.trapezoid(gap * normal, knot, dim=-1).mean()


def variance_term(sample: Float[Tensor, "sample latent"]) -> Float[Tensor, ""]:
    """Mean hinge ``max(0, 1 - std)`` over the latent axes (VICReg; Bardes, Ponce & LeCun 2022, arXiv 2105.04906, equation 1)."""
    return torch.relu(1 - (sample.var(0) + 1e-4).sqrt()).mean()


def covariance_term(sample: Float[Tensor, "sample latent"]) -> Float[Tensor, ""]:
    """Sum of squared off-diagonal covariances over the number of latent axes (VICReg, equations 3 and 4)."""
    centred = sample - sample.mean(0)
    covariance = centred.T @ centred / (len(sample) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / sample.shape[1]
