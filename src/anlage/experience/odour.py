"""Odours as a larva smells them: measured responses of its receptors, one channel per olfactory neuron of a side."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal, final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import logsumexp

from anlage.connectome.source import Source
from anlage.errors import IntegrityError, UnknownName
from anlage.experience.experience import read_data
from anlage.experience.problem import Part, Problem, demand, pose

RECEPTORS = (
    *("1a", "13a", "22c", "24a", "30a", "33a", "35a", "42a", "42b", "45a", "45b", "47a & 33b", "49a", "59a", "63a"),
    *("67b", "74a", "82a", "83a", "85c", "94a & 94b"),
)
"""Channel ``i`` belongs to the neurons called ``RECEPTORS[i]`` and ``ORN left`` or ``ORN right`` in the larva's connectome."""
CONCENTRATIONS = (0.5, 1.0, 2.0)
"""Doses relative to that at which responses were measured; each is as likely."""
FAINTEST = 0.2
"""Odours that drive no larval channel to this share of its receptor's maximum are left out."""
TABLE = "odor/dweck2018_larva_chem2or.csv"


@final
@dataclass(frozen=True, slots=True)
class Odours:
    """Name the odour from noisy responses of 21 olfactory neurons, at any of three doses (0.5, 1 and 2).

    Responses are those of Dweck et al. 2018, as a share of each receptor's maximum; 15 of the larva's 21 named channels were
    measured, the other six stay silent. Which ``n_odours`` of the 53 that can be told apart there are used is drawn. Each
    moment brings new normal noise of standard deviation ``noise``. With ``ask="mixture"`` one learns from single odours and is
    tested on mixtures of two, each at a dose of its own; both are to be named.

    Assumed: a channel is silent under odours A and B, or under two doses of A, as if by independent chances, so that
    ``1 - r = (1 - r_A) ** dose_A (1 - r_B) ** dose_B``. A double dose is then a mixture of an odour with itself. Inhibition and
    competition between odours at a receptor are left out. The oracle is Bayes' rule with the odours, doses and noise known.
    """

    n_odours: int = 10
    noise: float = 0.2
    ask: Literal["single", "mixture"] = "single"
    moments: int = 5
    n_train: int = 600
    n_test: int = 300

    source = Source(
        key="dweck2018olfactory",
        title="Responses of larval olfactory receptors to 116 odours",
        version="as packaged in connectome-interpreter 2.9.5",
        licence="MIT (package)",
        origin="https://pypi.org/project/connectome-interpreter",
        bibtex=(
            "@article{dweck2018olfactory, author={Dweck, Hany K. M. and Ebrahim, Shimaa A. M. and Retzke, Tom and Grabe, Veit "
            "and Weissflog, Jerrit and Svatos, Ales and Hansson, Bill S. and Knaden, Markus}, title={The olfactory logic behind "
            "fruit odor preferences in larval and adult Drosophila}, journal={Cell Reports}, volume={23}, number={8}, "
            "pages={2524--2531}, year={2018}, doi={10.1016/j.celrep.2018.04.085}}"
        ),
        lossy="Only excitation is reported; of the 21 named channels 1a, 13a, 33a, 49a, 63a and 83a are not in the table.",
    )

    def __post_init__(self) -> None:
        if self.ask not in ("single", "mixture"):
            raise UnknownName("question about odours", self.ask, ("single", "mixture"))
        demand("n_odours", self.n_odours, 2, 53)
        demand("noise", self.noise, 0.001, 10)
        demand("moments", self.moments, 1, 1000)
        for name in ("n_train", "n_test"):
            demand(name, getattr(self, name), 1, 100_000)

    def open(self, rng: np.random.Generator) -> Problem:
        """New trials with newly chosen odours."""
        known = distinct(list(responses().values()))
        template = known[rng.choice(len(known), self.n_odours, replace=False)]
        train = self._part(template, _singles(self.n_odours), self.n_train, rng)
        mixed = self.ask == "mixture"
        scenes = _pairs(self.n_odours) if mixed else _singles(self.n_odours)
        test = self._part(template, scenes, self.n_test, rng)
        belief = posterior(test[0].mean(1), smell(template, scenes), scenes, self.noise / np.sqrt(self.moments))
        return pose("odour", train, test, ("parts_named",) if mixed else ("accuracy",), belief[:, None])

    def _part(self, template: ndarray, scenes: Float[ndarray, "scene odour"], n: int, rng: np.random.Generator) -> Part:
        drawn = scenes[rng.integers(len(scenes), size=n)]
        clean = smell(template, drawn)[:, None]
        seen = clean + rng.normal(0, self.noise, (n, self.moments, len(RECEPTORS)))
        present = drawn > 0
        return seen, (present / present.sum(1, keepdims=True))[:, None]


def smell(
    template: Float[ndarray, "odour input"], dose: Float[ndarray, "sample odour"]
) -> Float[ndarray, "sample input"]:
    """Responses to a dose of every odour: ``1 - prod(1 - r) ** dose``, so that channels saturate at 1."""
    # 0 ** 0 is 1: an odour that is absent silences no silence.
    response: ndarray = 1 - np.prod((1 - template) ** dose[..., None], axis=1)
    return response


def posterior(
    seen: Float[ndarray, "sample input"],
    expected: Float[ndarray, "scene input"],
    scenes: Float[ndarray, "scene odour"],
    noise: float,
) -> Float[ndarray, "sample odour"]:
    """Probability of each odour being present, given responses with normal noise and equally likely scenes."""
    squares = (seen**2).sum(1)[:, None] - 2 * seen @ expected.T + (expected**2).sum(1)
    log_likelihood = -squares / (2 * noise**2)
    probability = np.exp(log_likelihood - logsumexp(log_likelihood, axis=1, keepdims=True))
    belief: ndarray = probability @ (scenes > 0)
    return belief


def distinct(template: list[ndarray]) -> Float[ndarray, "odour input"]:
    """Responses that reach ``FAINTEST`` somewhere, equal ones once."""
    rows: ndarray = np.unique([row for row in template if row.max() >= FAINTEST], axis=0)
    return rows


def responses() -> Mapping[str, Float[ndarray, " input"]]:
    """Odour -> response of each channel of ``RECEPTORS``, from 0 to 1.

    Two receptors in one neuron add up as two odours do. Raises ``DataMissing``, and ``IntegrityError`` for a foreign file.
    """
    text = read_data(TABLE, "responses of larval olfactory receptors").decode("utf-8", "replace")
    try:
        (_, *names), *rows = csv.reader(text.splitlines())
        measured = {row[0].removeprefix("Or"): np.array([float(value) for value in row[1:]]) for row in rows}
        silent = np.ones((len(RECEPTORS), len(names)))
        for channel, receptor in enumerate(RECEPTORS):
            for part in receptor.split(" & "):
                silent[channel] *= 1 - measured.get(part, 0.0)
        if not any(part in measured for part in RECEPTORS):
            raise ValueError("no larval receptor in it")
    except (ValueError, IndexError) as error:
        raise IntegrityError(
            f"{TABLE} is not a table of receptors by odours ({error}); put the published file in its place."
        ) from error
    return dict(zip(names, (1 - silent).T, strict=True))


def _singles(n: int) -> Float[ndarray, "scene odour"]:
    return np.concatenate([dose * np.eye(n) for dose in CONCENTRATIONS])


def _pairs(n: int) -> Float[ndarray, "scene odour"]:
    scenes = np.zeros((n * (n - 1) // 2 * len(CONCENTRATIONS) ** 2, n))
    both: Int[ndarray, "pair 2"] = np.array(list(combinations(range(n), 2)))
    for row, ((first, second), (dose, other)) in enumerate(product(both, product(CONCENTRATIONS, repeat=2))):
        scenes[row, first], scenes[row, second] = dose, other
    return scenes
