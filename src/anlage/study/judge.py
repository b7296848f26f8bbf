"""The records of a study become contrasts: pairs by seed, graphs counted, doubts raised."""

from collections.abc import Sequence

import numpy as np

from anlage.seed import Seed
from anlage.study.question import Question
from anlage.study.statistics import OUTCOMES, Contrast, Doubt, Outcome, above, contrasts
from anlage.study.trial import CONNECTOME, Record, finished
from anlage.topology import InterfaceOnly


def judge(question: Question, records: Sequence[Record]) -> list[Contrast]:
    """The contrasts of every control on every outcome, outcome by outcome in the question's order."""
    comparison = question.comparison
    if comparison is None:
        return []
    found = []
    for name in comparison.outcomes:
        values = {arm: final(records, arm, name) for arm in (CONNECTOME, *(c.name for c in comparison.controls))}
        connectome = values.pop(CONNECTOME)
        seed = Seed(question.recipe.seed).child("bootstrap").child(name)
        graphs = {arm: _graphs(records, arm, np.isfinite(connectome - values[arm])) for arm in values}
        outcome = above(OUTCOMES[name], _chance(records))
        doubts = {arm: doubt for arm in values if (doubt := _doubt(records, arm, outcome))}
        margin = comparison.margin_of(name)
        first = contrasts(outcome, connectome, values, margin, seed.rng(), graphs, doubts)
        doubts |= _unused(first)
        found += contrasts(outcome, connectome, values, margin, seed.rng(), graphs, doubts)
    return found


def bare(found: Sequence[Contrast]) -> Contrast | None:
    """The contrast with the bare interface, where it says that the wiring did not better; None otherwise."""
    alone = (c for c in found if c.control == InterfaceOnly.name and c.verdict not in ("better", "undecided"))
    return next(alone, None)


def _unused(found: Sequence[Contrast]) -> dict[str, Doubt]:
    """Doubts of one outcome's claims where the trained interface gets as far without any wiring between its ports.

    What speaks for the wiring, or would call a control as good, is then undecided; what speaks against it stays.
    """
    if not (alone := bare(found)):
        return {}
    why = f"interface-only reaches as much ({alone.control_mean:.3f}), so this outcome is not shown to use the wiring"
    spoken = (c for c in found if c is not alone and c.verdict in ("better", "equivalent"))
    return {c.control: Doubt("wiring not used", why, about_all=True) for c in spoken}


def final(records: Sequence[Record], arm: str, measure: str) -> np.ndarray:
    """The last value of a measure in every trial of an arm, by index, NaN where it diverged; shape ``(sample,)``."""
    return np.array([r["curve"][-1][measure] if r["curve"] else np.nan for r in _by_index(records, arm)])  # type: ignore[index]


def _by_index(records: Sequence[Record], arm: str) -> list[Record]:
    return sorted((r for r in records if r["arm"] == arm), key=lambda r: int(str(r["index"])))


def _graphs(records: Sequence[Record], arm: str, use: np.ndarray) -> int:
    """Different graphs of an arm among the trials to ``use``."""
    return len({r["graph"] for r, used in zip(_by_index(records, arm), use, strict=True) if used})


def _chance(records: Sequence[Record]) -> float:
    """Probe accuracy of always naming the commonest label; it belongs to the recording, so every trial knows the same."""
    return next((float(str(r["chance_accuracy"])) for r in finished(records)), 0.0)


def _doubt(records: Sequence[Record], arm: str, outcome: Outcome) -> Doubt | None:
    """Why the numbers of a control do not decide, from its records and the connectome's; None where they do."""
    both = [finished(_by_index(records, one)) for one in (CONNECTOME, arm)]
    if not all(both):
        return None
    for who, found in zip(("the connectome", arm), both, strict=True):
        if any(not r["audit"]["neurons"] for r in found):  # type: ignore[index]
            return Doubt("failed audit", f"nothing observed can reach the readout in {who}", about_all=True)
    versions = [{r["index"]: r["versions"] for r in found} for found in both]
    unlike = {i for i in versions[0].keys() & versions[1].keys() if versions[0][i] != versions[1][i]}
    if unlike:
        why = f"{len(unlike)} of its pairs were run with different versions of the libraries"
        return Doubt("irreproducible", why, about_all=True)
    sign = 1 if outcome.higher_is_better else -1
    start, end = ([[r["curve"][at][outcome.name] for r in found] for found in both] for at in (0, -1))  # type: ignore[index]
    if all(sign * np.mean(a) >= sign * np.mean(b) for a, b in zip(start, end, strict=True)):
        return Doubt(
            "floor", "the untrained networks of both reach as much, so learning showed nothing", about_all=False
        )
    return None
