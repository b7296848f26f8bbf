"""The T-maze: whether to look for a cue before choosing an arm (Friston et al. 2015, Cogn Neurosci 6:187).

Reward lies in one of two arms, punishment in the other. A third place tells which is which. From any place one goes to any other.
In its simplest form, as inferactively-pymdp 1.0.4 has it, going on and coming back is allowed.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from anlage.errors import RecipeError

CENTRE, LEFT, RIGHT, CUE = range(4)
NOTHING, REWARD, PUNISHMENT = range(3)


@final
@dataclass(frozen=True, slots=True)
class TMaze:
    """A state is a place (four of them) and a side of the reward (left, right): state ``2 * place + side``.

    Two senses: where one is, the cue counting as two places, by what it says (five outcomes); and nothing, reward or punishment.
    ``sure``: probability that the good arm rewards, and the bad one punishes; ``valid``: that the cue tells the truth.
    Raises ``RecipeError`` outside 0 to 1.
    """

    sure: float = 0.98
    valid: float = 0.98
    n_moves: ClassVar[int] = 4

    def __post_init__(self) -> None:
        for name in ("sure", "valid"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} is {getattr(self, name)}, but must be a probability, from 0 to 1.")

    def likelihood(self) -> tuple[Float[ndarray, "5 8"], Float[ndarray, "3 8"]]:
        """Probability of each outcome, of either sense, in each state."""
        seen, felt = np.zeros((5, 4, 2)), np.zeros((3, 4, 2))
        for place in (CENTRE, LEFT, RIGHT):
            seen[place, place] = 1
        for side in range(2):
            seen[CUE + side, CUE, side], seen[CUE + 1 - side, CUE, side] = self.valid, 1 - self.valid
            for arm in (LEFT, RIGHT):
                felt[REWARD if arm == LEFT + side else PUNISHMENT, arm, side] = self.sure
        felt[NOTHING] = 1 - felt[REWARD] - felt[PUNISHMENT]
        return seen.reshape(5, 8), felt.reshape(3, 8)

    def transition(self) -> Float[ndarray, "4 8 8"]:
        """A move is the place to go to; the side of the reward stays."""
        return np.stack([np.kron(np.eye(4)[:, [place]] * np.ones(4), np.eye(2)) for place in range(4)])

    def prior(self, left: float = 0.5) -> Float[ndarray, " 8"]:
        """At the centre, with the reward on the left with this probability."""
        return np.kron(np.eye(4)[CENTRE], [left, 1 - left])

    def outcome(self, place: int, side: int, rng: np.random.Generator) -> tuple[int, int]:
        """What is perceived at a place while the reward is on a side."""
        return tuple(int(rng.choice(len(p), p=p[:, 2 * place + side])) for p in self.likelihood())  # type: ignore[return-value]
