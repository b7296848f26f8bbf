"""The records of a study become contrasts: pairs by seed, graphs counted, doubts raised."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anlage.seed import Seed
from anlage.study.outcome import GROWN, OUTCOMES, Outcome, above, between
from anlage.study.question import Question
from anlage.study.statistics import Contrast, Doubt, Pair, family
from anlage.study.trial import CONNECTOME, Record, finished
from anlage.topology import InterfaceOnly


def judge(question: Question, records: Sequence[Record]) -> list[Contrast]:
    """The contrasts of every control on every outcome, outcome by outcome in the question's order."""
    comparison = question.comparison
    if comparison is None:
        return []
    found = []
    networks = {design.name for design in comparison.networks}
    for name in comparison.outcomes:
        pairs = []
        for cell in question.cells:
            here = [record for record in records if record.get("level", {}) == cell.plain]
            outcome = scaled(name, here, primary=name == comparison.outcomes[0])
            connectome = final(here, CONNECTOME, name)
            for arm in comparison.arms:
                scores = final(here, arm, name)
                engineered = arm in networks
                graphs = _graphs(here, arm, np.isfinite(connectome - scores), by="seed" if engineered else "graph")
                doubt = _doubt(here, arm, outcome)
                margin = comparison.margin_of(name)
                pairs.append(Pair(outcome, arm, connectome, scores, graphs, margin, doubt, cell.name, engineered))
        found += weighed(pairs, Seed(question.recipe.seed).child("bootstrap").child(name))
    return found


def weighed(pairs: Sequence[Pair], seed: Seed) -> list[Contrast]:
    """The contrasts of one outcome, judged together; where the bare interface gets as far, nothing speaks for the wiring."""
    first = family(pairs, seed.rng())
    unused = _unused(first)
    doubted = [replace(pair, doubt=unused.get((pair.level, pair.control), pair.doubt)) for pair in pairs]
    return family(doubted, seed.rng()) if unused else first


def bare(found: Sequence[Contrast]) -> Contrast | None:
    """The first contrast with the bare interface that says that the wiring did not better; None without one."""
    alone = (c for c in found if c.control == InterfaceOnly.name and c.verdict not in ("better", "undecided"))
    return next(alone, None)


def _unused(found: Sequence[Contrast]) -> dict[tuple[str, str], Doubt]:
    """Doubts, by level and control, of claims where the trained interface gets as far without any wiring between its ports.

    What speaks for the wiring, or would call a control as good, is then undecided; what speaks against it stays.
    """
    doubts: dict[tuple[str, str], Doubt] = {}
    for level in dict.fromkeys(contrast.level for contrast in found):
        here = [contrast for contrast in found if contrast.level == level]
        if not (alone := bare(here)):
            continue
        why = (
            f"interface-only reaches as much ({alone.control_mean:.3f}), so this outcome is not shown to use the wiring"
        )
        spoken = (c.control for c in here if c is not alone and c.verdict in ("better", "equivalent"))
        doubts |= {(level, control): Doubt("wiring not used", why, about_all=True) for control in spoken}
    return doubts


def scaled(name: str, records: Sequence[Record], *, primary: bool) -> Outcome:
    """An outcome with the ends of its scale, as the records know them: a task knows only those of its primary score."""
    if name in GROWN:
        return above(OUTCOMES[name], _chance(records))
    ends = [(float(str(r["chance"])), float(str(r["oracle"]))) for r in finished(records)]
    return between(OUTCOMES[name], *np.mean(ends, axis=0).tolist()) if primary and ends else OUTCOMES[name]


def final(records: Sequence[Record], arm: str, measure: str) -> np.ndarray:
    """The last value of a measure in every trial of an arm, by index, NaN where it diverged; shape ``(sample,)``."""
    return np.array([r["curve"][-1][measure] if r["curve"] else np.nan for r in _by_index(records, arm)])  # type: ignore[index]


def _by_index(records: Sequence[Record], arm: str) -> list[Record]:
    return sorted((r for r in records if r["arm"] == arm), key=lambda r: int(str(r["index"])))


def _graphs(records: Sequence[Record], arm: str, use: np.ndarray, *, by: str) -> int:
    """Different graphs, or seeds, of an arm among the trials to ``use``."""
    return len({r[by] for r, used in zip(_by_index(records, arm), use, strict=True) if used})


def _chance(records: Sequence[Record]) -> float:
    """Probe accuracy of always naming the commonest label; it belongs to the recording, so every trial knows the same."""
    return next((float(str(r["chance_accuracy"])) for r in finished(records)), 0.0)


def _doubt(records: Sequence[Record], arm: str, outcome: Outcome) -> Doubt | None:
    """Why the numbers of a control do not decide, from its records and the connectome's; None where they do."""
    both = [finished(_by_index(records, one)) for one in (CONNECTOME, arm)]
    if not all(both):
        return None
    for who, found in zip(("the connectome", arm), both, strict=True):
        if any("audit" in r and not r["audit"]["neurons"] for r in found):  # type: ignore[index]
            return Doubt("failed audit", f"nothing observed can reach the readout in {who}", about_all=True)
    versions = [{r["index"]: r["versions"] for r in found} for found in both]
    unlike = {i for i in versions[0].keys() & versions[1].keys() if versions[0][i] != versions[1][i]}
    if unlike:
        why = f"{len(unlike)} of its pairs were run with different versions of the libraries"
        return Doubt("irreproducible", why, about_all=True)
    if all(len(r["curve"]) == 1 for r in both[0]):  # type: ignore[arg-type]
        return None  # a readout in closed form: there is no network that has not learned to compare with
    sign = 1 if outcome.higher_is_better else -1
    start, end = ([[r["curve"][at][outcome.name] for r in found] for found in both] for at in (0, -1))  # type: ignore[index]
    if all(sign * np.mean(a) >= sign * np.mean(b) for a, b in zip(start, end, strict=True)):
        return Doubt(
            "floor", "the untrained networks of both reach as much, so learning showed nothing", about_all=False
        )
    return None
