"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``dynamics.png``; ``--check`` only says whether they are fresh."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]
from dynamics_questions import afterwards, larva_afterwards, questions  # noqa: E402

from anlage.experience.measure import MEASURES  # noqa: E402
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import MUTED, arm_colour, axes, sheet, write  # noqa: E402
from anlage.study.judge import final, judge  # noqa: E402
from anlage.study.question import Question  # noqa: E402
from anlage.study.statistics import Contrast  # noqa: E402
from anlage.study.trial import CONNECTOME, Record  # noqa: E402
from finding import Finding, claim, stamp, table  # noqa: E402
from ledger import records  # noqa: E402

RADII = (0.1, 0.5, 0.9, 1.3, 2.0)
PORTS = {
    "worm": {"biological": "worm, sensory in, motor out", "all": "worm, all neurons"},
    "larva": {"": "larva, inputs in, outputs out"},
}
"""Brain -> the ports it is asked at, as its question calls them and in words; the larva's has one kind, without a name."""
SHORT = {"biological": "worm's ports", "all": "worm, all neurons", "": "larva's ports"}
TITLES = {
    "memory-capacity": "Delays remembered (more is better)",
    "narma-10": "NARMA-10: error (less is better)",
    "mackey-glass": "Mackey-Glass, 84 ahead: error (less is better)",
}
KEPT = {
    "activity": "degrees, at the larva's activity",
    "roles": "degrees with inputs, interneurons, outputs",
    "classes": "degrees with 17 cell classes",
}
ABOVE = 0.5
"""Radii from here on count for flatness, as declared."""


class Answered:
    """A task's question about a brain, with its records and contrasts."""

    def __init__(self, animal: str, task: str, question: Question) -> None:
        self.animal, self.task, self.question, self.ports = animal, task, question, PORTS[animal]
        name = task if animal == "worm" else f"{animal}-{task}"
        self.found: list[Record] = records(question, HERE / "results" / f"{name}.json")
        self.contrasts = judge(question, self.found)
        self.measure = question.comparison.outcomes[0]  # type: ignore[union-attr]
        self.arms = (CONNECTOME, *question.comparison.arms)  # type: ignore[union-attr]

    def scores(self, arm: str, ports: str, radius: float) -> np.ndarray:
        """By seed."""
        level = {"spectral_radius": radius} | ({"ports": ports} if ports else {})
        return final([r for r in self.found if r["level"] == level], arm, self.measure)

    def contrast(self, control: str, ports: str, radius: float) -> Contrast:
        """Against a control at a level."""
        level = f"spectral_radius = {radius:g}" + (f", ports = {ports}" if ports else "")
        (one,) = (c for c in self.contrasts if c.control == control and c.level == level)
        return one

    def better(self, contrast: Contrast) -> float:
        """Effect size, positive where the connectome does better."""
        return contrast.effect_size * (1 if MEASURES[self.measure].better == "higher" else -1)  # type: ignore[index]


def flatness(answered: Answered, ports: str) -> tuple[float, tuple[float, float]]:
    """Range of the connectome's mean error over the radii, over that of erdos-renyi, and its bootstrap interval over seeds."""
    radii = [radius for radius in RADII if radius >= ABOVE]
    curves = [np.stack([answered.scores(arm, ports, r) for r in radii]) for arm in (CONNECTOME, "erdos-renyi")]

    def ratio(index: np.ndarray) -> float:
        one, other = (np.ptp(curve[:, index].mean(1)) for curve in curves)
        return float(one / other)

    n, rng = curves[0].shape[1], Seed(0).child("flatness").child(ports or answered.animal).rng()
    low, high = np.percentile([ratio(rng.integers(n, size=n)) for _ in range(2000)], [2.5, 97.5])
    return ratio(np.arange(n)), (float(low), float(high))


def counted(answered: Answered, control: str, ports: str, verdict: str) -> int:
    """At how many radii the verdict against a control is this one."""
    return sum(answered.contrast(control, ports, radius).verdict == verdict for radius in RADII)


def effects(answered: Sequence[Answered]) -> str:
    """Effect sizes at every level; bold with a verdict."""
    rows = []
    for one in answered:
        for ports, said in one.ports.items():
            for control in one.arms[1:]:
                cells = []
                for radius in RADII:
                    c = one.contrast(control, ports, radius)
                    text = f"{one.better(c):+.1f}"
                    strong = c.verdict in ("better", "worse")
                    cells.append(f"**{text}**" if strong else "–" if c.verdict == "undecided" else text)
                rows.append([one.task, said, control, *cells])
    return table(["task", "ports", "control", *(f"{radius:g}" for radius in RADII)], rows)


def draw(answered: Sequence[Answered]) -> Figure:
    """A panel per task, brain and ports: the score over the spectral radius, every arm."""
    figure = sheet(1310, 930)
    page = axes(figure, 0, 0, 1310, 930)
    page.set(xlim=(0, 1310), ylim=(930, 0))
    page.axis("off")
    write(page, 30, 34, "Two wirings as reservoirs, from quiet to chaos", fontsize=19, weight="bold")
    said = "Medians of 20 graphs and seeds; bands hold the middle 90 % (of Mackey-Glass only below 1)."
    write(page, 30, 60, said, color=MUTED)
    for row, (task, title) in enumerate(TITLES.items()):
        write(page, 70, 108 + 270 * row, title, weight="bold")
        shown = [(one, ports) for one in answered if one.task == task for ports in one.ports]
        panels = [axes(figure, 70 + 415 * column, 140 + 270 * row, 360, 190) for column in range(len(shown))]
        for ax, (one, ports) in zip(panels, shown, strict=True):
            panel(ax, one, ports)
        ends = np.array([ax.get_ylim() for ax in panels])
        for ax in panels:
            ax.set_ylim((0.3, 1.5) if task == "mackey-glass" else (ends[:, 0].min(), ends[:, 1].max()))
            if row == len(TITLES) - 1:
                ax.set_xlabel("spectral radius", color=MUTED, fontsize=12)
        if task == "narma-10":
            lines, names = panels[0].get_legend_handles_labels()
            place = {"loc": "upper right", "bbox_to_anchor": (0.985, 0.965)}
            page.legend(lines[::-1], names[::-1], frameon=False, fontsize=12, ncols=4, **place)
    return figure


def panel(ax: Axes, one: Answered, ports: str) -> None:
    """Every arm of a task at one kind of ports."""
    shaded = sum(radius < 1 for radius in RADII) if one.task == "mackey-glass" else len(RADII)
    for number, arm in reversed(list(enumerate(one.arms))):
        values = np.stack([one.scores(arm, ports, radius) for radius in RADII])
        low, high = np.percentile(values, [5, 95], axis=1)
        colour, width = arm_colour(number), 2.6 if number == 0 else 1.5
        ax.fill_between(RADII[:shaded], low[:shaded], high[:shaded], color=colour, alpha=0.12, linewidth=0)
        middle = np.median(values, axis=1)
        ax.plot(RADII, middle, "os^D"[number] + "-", color=colour, linewidth=width, markersize=5, label=arm)
    ax.set_xticks(RADII)
    ax.set_title(one.ports[ports], fontsize=12.5, loc="left", color=MUTED)
    ax.axvline(1, color=MUTED, linewidth=0.7, linestyle=":")


def claims(answered: Sequence[Answered]) -> list[dict[str, object]]:
    """The two halves of the claim at radius 0.9, at all ports."""
    asked = {"narma-10": "degree-preserving", "mackey-glass": "weight-permuted"}
    return [
        claim(one.contrast(control, ports, 0.9), f"{task}, {SHORT[ports]}", higher_is_better=False)
        for task, control in asked.items()
        for one in answered
        if one.task == task
        for ports in one.ports
    ]


def best(answered: Sequence[Answered]) -> str:
    """Each arm at the radius where its own mean is best: what it can do, rather than how carefully it must be set."""
    names = tuple(dict.fromkeys(arm for one in answered for arm in one.arms))
    rows = []
    for one in answered:
        sign = 1 if MEASURES[one.measure].better == "higher" else -1  # type: ignore[index]
        for ports, said in one.ports.items():
            cells = dict.fromkeys(names, "–")
            for arm in one.arms:
                means = {radius: float(one.scores(arm, ports, radius).mean()) for radius in RADII}
                radius = max(RADII, key=lambda r: sign * means[r])
                cells[arm] = f"{means[radius]:.3f} ({radius:g})"
            rows.append([one.task, said, *cells.values()])
    return table(["task", "ports", *names], rows)


def late() -> str:
    """What was asked of the worm afterwards: effect sizes at matched activity."""
    rows = [
        [c.level.replace("bulk_activity = ", ""), c.control, *_numbers(c, -1)]
        for c in _judged(afterwards(), "afterwards")
    ]
    return table(["activity", "control", "connectome", "control mean", "effect", "verdict"], rows)


def larva_late() -> str:
    """What was asked of the larva afterwards: what rewires must keep to do as well."""
    rows = []
    for name, question in larva_afterwards().items():
        task, _, kept = name.rpartition("-")
        sign = 1 if MEASURES[question.comparison.outcomes[0]].better == "higher" else -1  # type: ignore[index, union-attr]
        for c in _judged(question, f"larva-afterwards-{name}"):
            level = c.level.replace("spectral_radius = ", "radius ").replace("bulk_activity = ", "activity ")
            rows.append([task, level, KEPT[kept], *_numbers(c, sign)])
    return table(["task", "at", "rewires keep", "connectome", "control mean", "effect", "verdict"], rows)


def _judged(question: Question, name: str) -> list[Contrast]:
    return judge(question, records(question, HERE / "results" / f"{name}.json"))


def _numbers(c: Contrast, sign: int) -> list[str]:
    effect = f"{sign * c.effect_size:+.1f}"
    strong = f"**{effect}**" if c.verdict in ("better", "worse") else effect
    return [f"{c.connectome_mean:.3f}", f"{c.control_mean:.3f}", strong, c.verdict]


def declared(answered: Sequence[Answered]) -> str:
    """The three parts of the claim by the rules of the question, at each kind of ports."""
    rows = []
    for narma in (one for one in answered if one.task == "narma-10"):
        (glass,) = (one for one in answered if (one.animal, one.task) == (narma.animal, "mackey-glass"))
        for ports, said in narma.ports.items():
            ratio, (low, high) = flatness(narma, ports)
            flat = "yes" if ratio <= 0.5 and high < 1 else "no"
            gain = counted(narma, "degree-preserving", ports, "better")
            deficit = counted(glass, "weight-permuted", ports, "worse")
            most = [f"{n} of {len(RADII)} radii: {'yes' if n > len(RADII) / 2 else 'no'}" for n in (gain, deficit)]
            rows.append([said, f"{ratio:.2f} ({low:.2f} to {high:.2f}): {flat}", *most])
    head = [
        "ports",
        "flat on NARMA-10: range of errors over that of erdos-renyi",
        "gain on NARMA-10 over degree-preserving",
    ]
    return table([*head, "deficit on Mackey-Glass under weight-permuted"], rows)


def finding() -> Finding:
    """The page."""
    answered = [Answered(animal, task, q) for animal in PORTS for task, q in questions(animal).items()]
    answered.sort(key=lambda one: list(TITLES).index(one.task))
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(
        declared=declared(answered),
        effects=effects(answered),
        afterwards=late(),
        larva=larva_late(),
        best=best(answered),
    )
    return Finding(
        HERE, page, claims(answered), lambda: draw(answered), "dynamics.png", stamp((HERE / "results").glob("*.json"))
    )


if __name__ == "__main__":
    finding().main()
