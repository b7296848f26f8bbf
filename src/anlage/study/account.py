"""The account of a run in tables: what was simulated, what the controls did, what every arm can reach and costs."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anlage.connectome.connectome import Connectome
from anlage.connectome.source import Source
from anlage.experience.experience import Recording
from anlage.learning.recipe import Blueprint, Recipe
from anlage.study.arm import Arm
from anlage.study.figure import plain, signed
from anlage.study.run import Run
from anlage.study.statistics import Contrast

TRAINED = {
    "frozen": "The linear maps into and out of the network, and the encoder. The weights of the wiring stay at their start.",
    "signed": "Every weight of the wiring, its sign fixed; every neuron's bias; the linear maps into and out of the network; the "
    "encoder. No edge is added.",
    "free": "Every weight of the wiring, free to change sign; every neuron's bias; the linear maps into and out of the network; "
    "the encoder. No edge is added.",
}
"""Plasticity -> what learning changes."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text. ``flagged`` numbers the rows that need the reader's eye."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    flagged: frozenset[int] = frozenset()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers only, to be set flush right."""
        number = re.compile(r"[-+−<≥≤]?\s?\d[\d,.%\s−+]*(to [-+−]?\d[\d,.%\s]*)?|–")
        return tuple(all(number.fullmatch(row[i]) for row in self.rows) for i in range(len(self.head)))


def first_words(thing: object) -> str:
    """The first paragraph of the documentation of a thing's class, as plain text."""
    text = (type(thing).__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).replace("``", "")


def span(values: Iterable[int | float], form: Callable[[int | float], str] = "{:,.0f}".format) -> str:
    """One number where all agree as written, the smallest and the largest elsewhere."""
    ranked = sorted(values)
    low, high = form(ranked[0]), form(ranked[-1])
    return low if low == high else f"{low} to {high}"


def p_value(p: float) -> str:
    """A p value with three decimals, never 0."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def contrast_table(run: Run) -> Table:
    """Every contrast of the run."""
    what = ("outcome", "control", "claim", "graphs", "connec\u00adtome", "control mean", "differ\u00adence")
    head = (*what, "95 % interval", "detect\u00adable")
    rows = []
    for c in run.contrasts:
        claim = c.claim if c.claim in (c.verdict, "supported") else f"{c.claim}: {c.verdict}"
        if not c.counted:
            rows.append((_at(c), c.control, claim, str(c.n_graphs), *["–"] * (len(head) - 4)))
            continue
        interval = f"{signed(c.interval[0])} to {signed(c.interval[1])}"
        numbers = (f"{c.connectome_mean:.4f}", f"{c.control_mean:.4f}", signed(c.difference), interval)
        rows.append((_at(c), c.control, claim, str(c.n_graphs), *numbers, f"{c.detectable:.4f}"))
    return Table(head, tuple(rows))


def _at(contrast: Contrast) -> str:
    """The outcome, and at which levels of the factors it was judged."""
    return f"{plain(contrast.outcome)} at {contrast.level}" if contrast.level else plain(contrast.outcome)


def tests_table(run: Run) -> Table:
    """The effect size and every test of every contrast."""
    effect = ("outcome", "control", "effect size", "its 95 % interval", "per\u00adcentile")
    head = (*effect, "p", "p Holm", "p rank", "margin", "p equi\u00advalent", "p sign flip")
    rows = []
    for c in run.contrasts:
        if not c.counted:
            rows.append((_at(c), c.control, *["–"] * (len(head) - 2)))
            continue
        low, high = c.effect_interval
        size = (signed(c.effect_size, 2), f"{signed(low, 2)} to {signed(high, 2)}", f"{c.percentile:.0f}")
        tests = (p_value(c.p), p_value(c.p_holm), p_value(c.p_rank))
        equal = (f"{c.margin:g}", p_value(c.p_equivalent)) if c.margin else ("–", "–")
        alone = "–" if c.p_sign_flip is None else p_value(c.p_sign_flip)
        rows.append((_at(c), c.control, *size, *tests, *equal, alone))
    return Table(head, tuple(rows))


def probe_table(arms: Sequence[Arm], raw: float, chance: float) -> Table:
    """Probe accuracy of every arm before and after learning, of the raw input, and of a guess."""
    rows = []
    for arm in arms:
        before, after = arm.untrained["probe_accuracy"], arm.final["probe_accuracy"]
        numbers = (f"{before.mean():.3f}", f"{after.mean():.3f}", signed(float((after - before).mean()), 3))
        rows.append((arm.name, *numbers, signed(float(after.mean()) - raw, 3)))
    rows.append(("raw input, no network", "–", f"{raw:.3f}", "–", "–"))
    rows.append(("always the commonest label", "–", f"{chance:.3f}", "–", "–"))
    return Table(("", "untrained", "trained", "by learning", "against raw"), tuple(rows))


def ten_questions(run: Run, recipe: Recipe, connectome: Connectome, recording: Recording, arm: Arm) -> Table:
    """What is asked of every connectome demonstration, answered from the recipe and the records."""
    topology, first = recipe.topology.topology(), arm.records[0]
    blueprint, physiology, schedule = recipe.topology, recipe.physiology, recipe.schedule
    dynamics, reach, cost = physiology.dynamics, first["audit"], first["budget"]
    n_train, time, n_input = recording.train.shape
    answers = (
        ("Which connectome?", f"{connectome.source.title}; version {connectome.source.version}."),
        (
            "How many neurons are simulated?",
            f"{topology.n_neurons:,} of {connectome.n_neurons:,}, with {topology.n_edges:,} directed edges."
            f"{expanded(blueprint.expand, first['audit'])}",
        ),
        ("Which edges?", which_edges(blueprint, first["history"])),
        (
            "Which dynamics?",
            f"Leaky rate neurons, x' = (1 − {dynamics.leak:g}) x + {dynamics.leak:g} {dynamics.activation}(current); no units, "
            f"no spikes. Every edge is crossed {physiology.ticks} times per observation. All weights are scaled to a spectral "
            f"radius of {recipe.spectral_radius:g}.",
        ),
        (
            "What enters?",
            f"{recipe.experience.source.title}: sequences of {time} observations of {n_input} numbers, each mapped linearly to "
            f"{recipe.latent} and then onto {reach['input']:,} neurons ({', '.join(recipe.ports.input)}).",
        ),
        (
            "What is read?",
            f"{reach['output']:,} neurons ({', '.join(recipe.ports.output)}): a linear map to the prediction of the next "
            "embedding, and a linear probe for labels.",
        ),
        (
            "Is the loop closed?",
            f"No. {n_train:,} recorded sequences are played; nothing that the network does changes what comes next.",
        ),
        ("What is trained?", f"{TRAINED[physiology.plasticity]} The objective sees no label; the probe does."),
        (
            "With which parameters?",
            f"Objective: {_objective(recipe.objective)} {cost['trained_parameters']:,} trained and "
            f"{cost['frozen_parameters']:,} frozen parameters; AdamW, {schedule.steps:,} steps of {schedule.batch} of "
            f"{n_train:,} sequences, learning rate {schedule.learning_rate:g}, weight decay {schedule.weight_decay:g}.",
        ),
        (
            "How is it reproduced?",
            f"Question {run.question.identity}, seed {recipe.seed} for trial 0 and a stream below it for every other; the "
            "recipe, the command and the versions are at the end.",
        ),
    )
    return Table(("question", "answer"), answers)


def which_edges(blueprint: Blueprint, history: Sequence[Mapping[str, Any]]) -> str:
    """The decisions that made edges of synapses."""
    return (
        f"{plain(', '.join(blueprint.kinds))}; compartments {', '.join(blueprint.compartments) or 'all'}; at least "
        f"{blueprint.min_synapses:g} synapses; signs: {blueprint.signs}; weights: {blueprint.weights} of the synapse count. "
        f"{_assumed(history)}"
    )


def expanded(factor: float, audit: Mapping[str, Any]) -> str:
    """What became of the wiring before it learned, if anything."""
    if factor == 1:
        return ""
    return (
        f" This wiring, and each control of it, was then expanded {factor:g} times, here to {audit['neurons_in_all']:,} neurons "
        f"with {audit['edges_in_all']:,} edges; the newcomers are drawn, not measured."
    )


def _objective(objective: object) -> str:
    """What an objective does, without the remark on which of them it is."""
    text = first_words(objective)
    return text.partition(": ")[2] or text


def _assumed(history: Sequence[Mapping[str, Any]]) -> str:
    """The share of signs that are assumptions, as the history of the topology says."""
    share = history[0]["arguments"].get("assumed_sign_share")
    return f"The sign of {share:.1%} of the edges is an assumption (+1)." if share is not None else ""


@dataclass(frozen=True, slots=True)
class ControlAccount:
    """What one control is, what it declares, what was measured, and how its graphs were made."""

    name: str
    number: int
    words: str
    table: Table
    making: str


def control_accounts(arms: Sequence[Arm]) -> list[ControlAccount]:
    """The certificates of every control, over all of its graphs."""
    return [_control_account(arm) for arm in arms if arm.control is not None]


def _control_account(arm: Arm) -> ControlAccount:
    changed: dict[tuple[str, str], list[float]] = {}
    tolerance: dict[str, float] = {}
    off: dict[str, list[float]] = {}
    for record in arm.records:
        for finding in record["certificate"]:
            changed.setdefault((finding["declared"], finding["quantity"]), []).append(float(finding["changed"]))
            # Records of before there were tolerances have neither.
            tolerance[finding["quantity"]] = float(finding.get("tolerance", 0.0))
            off.setdefault(finding["quantity"], []).append(float(finding.get("off", 0.0)))
    rows, flagged = [], set()
    for number, ((declared, quantity), shares) in enumerate(changed.items()):
        if declared != "destroys":
            held = max(shares) == 0
            measured = "unchanged" if held else f"up to {max(shares):.1%} changed"
            if declared == "removes":
                measured = "none left" if held else f"up to {max(shares):,.0f} left"
            if allowed := tolerance.get(quantity):
                measured = f"at most {max(off[quantity]):.2%} off, of {allowed:.2%} allowed"
        else:
            held = min(shares) > 0
            measured = f"at least {min(shares):.1%} changed" if held else "unchanged in some graphs"
        rows.append((declared, quantity, measured, str(len(shares))))
        flagged |= set() if held else {number}
    words = first_words(arm.control)
    if len(arm.records) > 1 and len({record["graph"] for record in arm.records}) == 1:
        words += " There is only one such graph: its dots differ by seed alone, so its rank is among seeds, not among graphs."
    table = Table(("declared", "quantity", "measured", "graphs"), tuple(rows), frozenset(flagged))
    return ControlAccount(arm.name, arm.number, words, table, _making(arm))


def _making(arm: Arm) -> str:
    """What the control wrote about its work into the histories, as ranges over its graphs."""
    found: dict[str, list[float]] = {}
    for record in arm.records:
        for step in record["history"]:
            for name, value in step["arguments"].items() if step["function"] == arm.name else ():
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    found.setdefault(name, []).append(float(value))
    if not found:
        return ""
    text = "; ".join(f"{plain(name)} {span(numbers, '{:,.4g}'.format)}" for name, numbers in found.items())
    if "overlap_at_end" in found:
        text += ". Overlap is the share of edges that are also in the connectome; equal half way and at the end, it had settled"
    return text + "."


def audit_table(arms: Sequence[Arm]) -> Table:
    """What can influence the readout in every arm: over a whole sequence, and at once where the records have it."""
    rows = []
    for key, when in (("audit_at_once", "one observation, at once"), ("audit", "the whole sequence")):
        for arm in arms:
            reach = [record[key] for record in arm.records if key in record]
            if reach:
                rows.append((arm.name, f"{when} (T = {reach[0]['steps']})", *_reach(reach)))
    head = ("arm", "reaches the readout from", "edges", "share of edges", "neurons", "shortest path")
    return Table(head, tuple(rows))


def _reach(reach: Sequence[dict[str, int]]) -> tuple[str, ...]:
    """Edges, their share, neurons and hops, over the graphs of an arm."""
    share = (r["edges"] / max(1, r["edges_in_all"]) for r in reach)
    hops = span((r["hops"] for r in reach), str)
    return (
        f"{span(r['edges'] for r in reach)} of {span(r['edges_in_all'] for r in reach)}",
        span(share, "{:.1%}".format),
        f"{span(r['neurons'] for r in reach)} of {span(r['neurons_in_all'] for r in reach)}",
        "none" if hops == "-1" else f"{hops} hop{'' if hops == '1' else 's'}",
    )


def operating_table(arms: Sequence[Arm]) -> Table:
    """The operating point of every arm, before and after scaling; flagged where it was set by another quantity."""
    rows, by = [], []
    for arm in arms:
        if "operating_point" not in arm.records[0]:
            continue  # a network without a wiring
        points = [record["operating_point"] for record in arm.records]
        by.append(" or ".join(sorted({point["by"] for point in points})))
        before, after = (span((point[key] for point in points), "{:,.2f}".format) for key in ("before", "after"))
        rows.append((arm.name, by[-1], before, after))
    flagged = frozenset(i for i, what in enumerate(by) if what != by[0])
    return Table(("arm", "set by", "before scaling", "after scaling"), tuple(rows), flagged)


def budget_table(arms: Sequence[Arm]) -> Table:
    """What every arm costs; flagged where it costs something else than the connectome."""
    keys = ("trained_parameters", "frozen_parameters", "multiply_adds", "state_bytes")
    rows = [(arm.name, *(span(record["budget"][key] for record in arm.records) for key in keys)) for arm in arms]
    flagged = frozenset(i for i, row in enumerate(rows) if row[1:] != rows[0][1:])
    head = ("arm", "trained parameters", "frozen parameters", "multiply-adds per observation", "bytes of state")
    return Table(head, tuple(rows), flagged)


def source_table(connectome: Connectome, experience: Source, what: str = "experience") -> Table:
    """Where the connectome and the experience, or the task, come from."""
    signs = [f"{share:.1%} {label}" for label, share in connectome.sign_shares().items() if share]
    signs = [text.replace("none", "without a published sign, gap junctions among them (taken as +1)") for text in signs]
    rows = [
        (name, getattr(connectome.source, name), getattr(experience, name))
        for name in ("title", "version", "licence", "origin")
    ]
    rows.append(("what is lost", connectome.source.lossy or "nothing known", experience.lossy or "nothing known"))
    rows.append(("signs of edges", "; ".join(signs), "–"))
    return Table(("", "connectome", what), tuple(rows))


def mixed(arms: Sequence[Arm]) -> bool:
    """Whether trials were run with different versions of the libraries."""
    return len({tuple(sorted(record["versions"].items())) for arm in arms for record in arm.records}) > 1


def versions(arms: Sequence[Arm]) -> str:
    """Versions of the libraries; every one that occurs, where trials were run with several."""
    found: dict[str, dict[str, None]] = {}
    for arm in arms:
        for record in arm.records:
            for name, number in record["versions"].items():
                found.setdefault(name, {})[number] = None
    return ", ".join(f"{name} {' and '.join(numbers)}" for name, numbers in found.items())
