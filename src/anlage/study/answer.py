"""What a run found, in sentences: the verdict first, then what it does not say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from anlage.learning.assay import Assay
from anlage.study.arm import Arm
from anlage.study.figure import plain, signed
from anlage.study.judge import bare
from anlage.study.outcome import OUTCOMES
from anlage.study.run import Run
from anlage.study.statistics import Contrast
from anlage.study.trial import diverged

PHRASES = {
    "better": "did better than",
    "worse": "did worse than",
    "equivalent": "is within the declared margin of",
    "no difference found": "could not be told apart from",
    "undecided": "cannot be judged against",
}
"""Verdict -> what is said of the connectome and the controls, in the order in which it is said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict in a word, a sentence, and remarks that keep it honest."""

    word: str
    sentence: str
    remarks: tuple[str, ...]


def listed(words: Iterable[str]) -> str:
    """Words as an English list."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def answer(run: Run, title: str) -> Answer:
    """The answer to a run's question; ``title`` names the connectome."""
    if run.question.comparison is None:
        final = run.records[0]["curve"][-1]  # type: ignore[index]
        if isinstance(run.question.recipe, Assay):
            said = listed(f"{plain(m)} {v:.3f}" for m, v in final.items() if m not in ("step", "loss"))
            return Answer(
                "nothing compared",
                f"One network on the wiring of {title} was given the task and compared with nothing: {said}, which says nothing "
                "about what the wiring was worth.",
                ("Run it with its controls (a table [comparison] in the recipe, and no --alone) to ask that.",),
            )
        return Answer(
            "nothing compared",
            f"One network was grown on the wiring of {title} and compared with nothing: its prediction error on held-out data "
            f"is {final['prediction_error']:.3f}, which says nothing about what the wiring was worth.",
            (
                "Run it with its controls (a table [comparison] in the recipe, and no --alone) to ask what the wiring was worth.",
            ),
        )
    comparison = run.question.comparison
    primary = comparison.outcomes[0]
    found = [contrast for contrast in run.contrasts if contrast.outcome == primary]
    words = [verdict for verdict in PHRASES if any(contrast.verdict == verdict for contrast in found)]
    mean = _mean(found)
    sentence = f"On {plain(primary)}{mean}, the wiring of {title} {_verdicts(found)}."
    return Answer(listed(words), sentence, tuple(_remarks(run, found)))


def _mean(found: Sequence[Contrast]) -> str:
    """The connectome's mean in brackets, where there is one and not one at every level."""
    alone = found[0].counted and not any(contrast.level for contrast in found)
    return f" ({found[0].connectome_mean:.3f})" if alone else ""


def _verdicts(found: Sequence[Contrast]) -> str:
    """Verdicts of one outcome in one breath, controls with the same verdict together, each with its mean."""
    parts, n_levels = [], len({contrast.level for contrast in found})
    for verdict, phrase in PHRASES.items():
        same = [contrast for contrast in found if contrast.verdict == verdict]
        for why in dict.fromkeys(contrast.why for contrast in same):
            alike = [c for c in same if c.why == why]
            names = _named(alike, n_levels)
            parts.append(f"{phrase} {listed(names)}{f': {why}' if why else ''}")
    return "; it ".join(parts)


def _named(alike: Sequence[Contrast], n_levels: int) -> list[str]:
    """Controls, each with its mean, or with the levels at which they share a verdict: of all of these, no one is the mean."""
    if n_levels == 1:
        return [f"{c.control} ({c.control_mean:.3f})" if c.counted else c.control for c in alike]
    named = []
    for control in dict.fromkeys(c.control for c in alike):
        levels = [c.level for c in alike if c.control == control]
        named.append(f"{control} at {f'each of {n_levels} levels' if len(levels) == n_levels else listed(levels)}")
    return named


def _whom(contrast: Contrast) -> str:
    return f"{contrast.control} at {contrast.level}" if contrast.level else contrast.control


def _remarks(run: Run, found: Sequence[Contrast]) -> list[str]:
    """What the primary verdict leaves open, from the numbers."""
    remarks = [_lost(run)] if diverged(run.records) else []
    remarks += _unused(run)
    alike = [contrast for contrast in found if contrast.verdict == "no difference found"]
    if alike:
        seen = sorted(contrast.detectable for contrast in alike)
        told = listed(f"{contrast.detectable:.4f} ({contrast.control})" for contrast in alike)
        told = f"{seen[0]:.4f} to {seen[-1]:.4f}, by control and level," if alike[0].level else told
        remarks.append(
            f"No difference found is not the same as no difference. This test would have called a mean difference of {told} "
            f"or more at 5 %, before correction for several controls; smaller ones stay unseen."
        )
    odd = [
        contrast
        for contrast in run.contrasts
        if contrast.verdict == "no difference found" and (contrast.interval[0] > 0 or contrast.interval[1] < 0)
    ]
    for outcome in dict.fromkeys(contrast.outcome for contrast in odd if contrast.level):
        some = [_whom(contrast) for contrast in odd if contrast.outcome == outcome]
        remarks.append(
            f"On {plain(outcome)} the interval of the mean difference leaves out zero for {listed(some)}, and still no "
            "difference is claimed: the connectome does not differ from single control graphs by more than these differ "
            "from one another."
        )
    for contrast in odd:
        if contrast.level:
            continue
        remarks.append(
            f"On {plain(contrast.outcome)} the interval of the mean difference to {contrast.control} leaves out zero, and still "
            f"no difference is claimed: the interval tells how precisely the mean is known, and the test whether the connectome "
            f"differs from single control graphs by more than these differ from one another, which it does not (p = "
            f"{contrast.p:.3f})."
        )
    remarks.append(
        "A verdict speaks only about what a control destroyed, for this recipe, this experience and these ports; another "
        "recipe is another question."
    )
    return remarks


def _unused(run: Run) -> list[str]:
    """The outcomes on which the bare interface gets as far as the wiring does."""
    by_outcome = ([c for c in run.contrasts if c.outcome == name] for name in OUTCOMES)
    return [
        f"On {plain(alone.outcome)} the trained interface without any wiring between its ports reaches {alone.control_mean:.3f}, "
        f"the wiring {alone.connectome_mean:.3f}: this outcome is not shown to use the wiring, whatever the other controls say."
        for found in by_outcome
        if (alone := bare(found))
    ]


def _lost(run: Run) -> str:
    """Which trials diverged, arm by arm, and why the first of them did."""
    lost = diverged(run.records)
    by_arm = listed(f"{n} of {arm}" for arm, n in Counter(str(record["arm"]) for record in lost).items())
    return (
        f"Learning diverged in {len(lost)} of {len(run.records)} trials ({by_arm}). Their pairs are left out, "
        f"and what is left is no random sample of the graphs. The first reason: {lost[0]['diverged']}"
    )


def secondary(run: Run) -> list[str]:
    """One sentence for each outcome after the first."""
    comparison = run.question.comparison
    sentences = []
    for outcome in comparison.outcomes[1:] if comparison else ():
        found = [contrast for contrast in run.contrasts if contrast.outcome == outcome]
        sentences.append(f"On {plain(outcome)}{_mean(found)} it {_verdicts(found)}.")
    return sentences


def probe_words(arm: Arm, raw: float, n_test: int) -> list[str]:
    """What the linear probe says of the connectome, trained, untrained, and against no network at all."""
    trained, untrained = arm.final["probe_accuracy"], arm.untrained["probe_accuracy"]
    after, before, n = float(trained.mean()), float(untrained.mean()), len(trained)
    noise = 1.96 * sqrt(raw * (1 - raw) / n_test)
    gain, more = after - raw, int((trained > untrained).sum())
    against = f"The trained network reads {after:.3f}, the raw input without any network {raw:.3f}"
    if abs(gain) <= noise:
        first = (
            f"{against}. The difference of {signed(gain, 3)} is within the ±{noise:.3f} by which an accuracy on {n_test:,} "
            "held-out items is uncertain (95 %, binomial): that the network adds anything to its input is not shown."
        )
    else:
        first = f"{against}: the {'network' if gain > 0 else 'raw input'} is better, by {abs(gain):.3f}."
    change = after - before
    verb = "raised" if change > 0 else "lowered" if change < 0 else "did not change"
    second = f"Before any learning it reads {before:.3f}. Learning {verb} it" + (
        f" by {abs(change):.3f}, and raised it in {more} of {n} {'trial' if n == 1 else 'trials'}." if change else "."
    )
    lead = before - raw
    third = (
        f"The untrained network is {'better' if lead > 0 else 'worse'} than the raw input, by {abs(lead):.3f}"
        f"{'' if abs(lead) > noise else ', which is within that uncertainty'}."
    )
    return [first, second, third]
