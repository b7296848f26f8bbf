"""How long an input is remembered."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from anlage.connectome.source import Source
from anlage.errors import RecipeError
from anlage.experience.problem import Problem


@final
@dataclass(frozen=True, slots=True)
class MemoryCapacity:
    """Give back the inputs of the last ``delays`` moments and of this one; each input is drawn from -1 to 1.

    ``n_train`` sequences to fit and ``n_test`` to test on have ``moments`` moments each after the washout. With ``n`` neurons
    read, no network reaches more than ``n``.
    """

    delays: int = 60
    moments: int = 500
    n_train: int = 4
    n_test: int = 2
    washout: int = 100

    source = Source(
        key="jaeger2002memory",
        title="Short term memory in echo state networks",
        version="2002",
        licence="made here",
        origin="drawn from a uniform distribution",
        bibtex=(
            "@techreport{jaeger2002memory, author={Jaeger, Herbert}, title={Short term memory in echo state networks}, "
            "institution={German National Research Center for Information Technology}, number={GMD Report 152}, year={2002}}"
        ),
    )

    def __post_init__(self) -> None:
        if self.delays < 0 or self.moments < 10 or self.n_train < 1 or self.n_test < 1 or self.washout < self.delays:
            raise RecipeError(
                f"delays is {self.delays}, moments {self.moments}, n_train {self.n_train}, n_test {self.n_test} and washout "
                f"{self.washout}, but delays must not be negative, moments at least 10, n_train and n_test at least 1, and "
                "washout at least as long as the longest delay."
            )

    def open(self, rng: np.random.Generator) -> Problem:
        """Sequences to fit and other ones to test on."""
        train, train_answer = self._drawn(self.n_train, rng)
        test, test_answer = self._drawn(self.n_test, rng)
        return Problem(
            "signal",
            train=train,
            train_answer=train_answer,
            test=test,
            test_answer=test_answer,
            washout=self.washout,
            kind="regression",
            oracle=float(self.delays + 1),
            chance=0.0,
            scores=("memory_capacity",),
        )

    def _drawn(self, n: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        signal = torch.from_numpy(rng.uniform(-1, 1, (n, self.washout + self.moments)))
        # Row t of the windows holds the inputs from t to t + delays; turned round, the delays 0, 1, ...
        answer = signal.unfold(1, self.delays + 1, 1).flip(2)[:, -self.moments :]
        return signal.unsqueeze(2), answer.contiguous()
