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

    ``train`` and ``test`` count moments after the washout. With ``n`` neurons read, no network reaches more than ``n``.
    """

    delays: int = 60
    train: int = 2000
    test: int = 1000
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
        if self.delays < 0 or self.train < 10 or self.test < 10 or self.washout < self.delays:
            raise RecipeError(
                f"delays is {self.delays}, train {self.train}, test {self.test} and washout {self.washout}, but delays must not "
                "be negative, train and test at least 10, and washout at least as long as the longest delay."
            )

    def open(self, rng: np.random.Generator) -> Problem:
        """One sequence to fit and another one to test on."""
        train, train_answer = self._drawn(self.train, rng)
        test, test_answer = self._drawn(self.test, rng)
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

    def _drawn(self, moments: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        signal = torch.from_numpy(rng.uniform(-1, 1, self.washout + moments))
        # Row t of the windows holds the inputs from t to t + delays; turned round, the delays 0, 1, ...
        answer = signal.unfold(0, self.delays + 1, 1).flip(1)[-moments:]
        return signal.view(1, -1, 1), answer.unsqueeze(0).contiguous()
