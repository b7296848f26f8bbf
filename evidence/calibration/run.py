"""How often does the library find something where there is nothing? Simulated studies through its own rules.

``python evidence/calibration/run.py`` answers ``question.toml`` into ``results/``; what is finished is not done again.
``page.py`` turns the results into ``page.md`` and its figure.
"""

import importlib.metadata
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import lognorm

from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.study.outcome import Outcome
from anlage.study.power import power
from anlage.study.statistics import contrasts, equivalence_p, holm, rank_p, sign_flip_p, single_case_p

HERE = Path(__file__).parent
RESULTS = HERE / "results"
REAL = HERE.parent / "input-confinement" / "results" / "degree-preserving.json"
WIDE = Outcome("score", higher_is_better=True, floor=-1e9, ceiling=1e9)
MARGIN = 3.0
LEVEL = 0.05
TAIL = lognorm(0.8)
Draw = Callable[[np.random.Generator, int], Float[ndarray, " graph"]]


def read_question() -> tuple[dict[str, Any], str]:
    """The question and its checksum."""
    text = (HERE / "question.toml").read_bytes()
    return tomllib.loads(text.decode()), sha256(text).hexdigest()[:16]


def real() -> Draw:
    """Values of different graphs of a real ensemble, standardised."""
    graphs = json.loads(REAL.read_text("utf-8"))["graphs"]
    pool = np.array([graph["declared"]["active 0.1"] for graph in graphs])
    pool = (pool - pool.mean()) / pool.std()
    return lambda rng, n: rng.choice(pool, n, replace=False)


def ensembles() -> dict[str, Draw]:
    """How values of graphs are drawn, with mean 0 and standard deviation 1, in the order of the question."""
    tail: Draw = lambda rng, n: (TAIL.rvs(n, random_state=rng) - TAIL.mean()) / TAIL.std()  # noqa: E731
    return {
        "normal": lambda rng, n: rng.standard_normal(n),
        "heavy-tailed": lambda rng, n: rng.standard_t(3, n) / np.sqrt(3),
        "skewed": tail,
        "skewed down": lambda rng, n: -tail(rng, n),
        "real": real(),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Scores of one simulated study: of the wiring, and of every control, by seed."""

    wiring: Float[ndarray, " seed"]
    controls: dict[str, Float[ndarray, " seed"]]

    @classmethod
    def of(
        cls,
        question: Mapping[str, Any],
        draw: Draw,
        rng: np.random.Generator,
        n_controls: int,
        wiring: float | None = None,
    ) -> "Study":
        """One study. The wiring is one more graph of the ensemble, and so without any effect, or has the value given."""
        n, scores = question["graphs"], question["scores"]
        value = draw(rng, 1 + n * n_controls)
        shared = scores["shared"] * rng.standard_normal(n)
        own = scores["own"] * rng.standard_normal((1 + n_controls, n))
        if wiring is not None:
            value[0] = wiring
        arms = value[1:].reshape(n_controls, n) + shared + own[1:]
        return cls(value[0] + shared + own[0], {str(i): arm for i, arm in enumerate(arms)})

    def verdicts(self, rng: np.random.Generator, shift: float = 0.0, margin: float = 0.0) -> list[str]:
        """What anlage says of every control; ``shift`` is added to the wiring.

        Where no corrected p passes, that is no difference found, whatever the bootstrap says, and it is not asked: it is what
        takes the time.
        """
        wiring = self.wiring + shift
        differences = [wiring - scores for scores in self.controls.values()]
        ps = [holm(np.array([single_case_p(d) for d in differences]))]
        ps += [holm(np.array([equivalence_p(d, margin) for d in differences]))] if margin else []
        if min(p.min() for p in ps) >= LEVEL:
            return ["no difference found"] * len(differences)
        return [c.verdict for c in contrasts(WIDE, wiring, self.controls, margin, rng)]


def null(question: Mapping[str, Any], draw: Draw, seed: Seed) -> dict[str, int]:
    """How many studies, or contrasts, without effect each rule calls."""
    called = dict.fromkeys(question["rules"], 0) | {"no difference equivalent": 0}
    scores, n = question["scores"], question["graphs"]
    for number in range(question["studies"]):
        rng = seed.child(number).rng()
        study = Study.of(question, draw, rng, question["controls"])
        difference = study.wiring - study.controls["0"]
        called["single-case"] += single_case_p(difference) < LEVEL
        called["rank"] += rank_p(difference) < LEVEL
        called["naive"] += sign_flip_p(difference, rng) < LEVEL
        verdicts = study.verdicts(rng)
        called["holm"] += bool({"better", "worse"} & set(verdicts))
        called["supported"] += "better" in verdicts
        one = Study(study.wiring, {"0": study.controls["0"]})
        called["equivalent"] += one.verdicts(rng, MARGIN, MARGIN) == ["equivalent"]
        called["no difference equivalent"] += one.verdicts(rng, 0.0, MARGIN) == ["equivalent"]
        same = scores["own"] * (draw(rng, n) - draw(rng, n))  # one graph: only the noise of the trials differs
        called["sign-flip"] += sign_flip_p(same, rng) < LEVEL
    return {name: int(count) for name, count in called.items()}


def found(question: Mapping[str, Any], draw: Draw, seed: Seed) -> dict[str, dict[str, int]]:
    """How many studies with an effect are called, by effect: the wiring lies that far from the ensemble's mean."""
    # The unit of the power that is printed before a run: seed noise is part of the standard deviation.
    unit = float(np.hypot(1.0, np.sqrt(2) * question["scores"]["own"]))
    called = {}
    for effect in question["power"]["effects"]:
        verdicts = []
        for number in range(question["studies"]):
            rng = seed.child(effect).child(number).rng()
            verdicts += Study.of(question, draw, rng, 1, effect * unit).verdicts(rng)
        called[str(effect)] = {word: verdicts.count(word) for word in ("better", "worse")}
    return called


def main() -> None:
    """Every ensemble without effect, then every effect."""
    question, identity = read_question()
    seed = Seed(question["seed"])
    names = ("anlage", "numpy", "scipy")
    stamp = {
        "question": identity,
        "versions": {"python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in names},
        "foretold": {str(e): power(float(e), question["graphs"]) for e in question["power"]["effects"]},
    }
    for part, count in (("null", null), ("found", found)):
        for name, draw in ensembles().items():
            path = RESULTS / f"{name.replace(' ', '-')}.json"
            done = read_json(path, lambda record: record.get("question") == identity) or {}
            if part not in done:
                write_json(path, stamp | {"ensemble": name} | done | {part: count(question, draw, seed.child(name))})
                print(name, part, flush=True)


if __name__ == "__main__":
    main()
