"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``dynamics.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]
from dynamics_questions import afterwards, questions  # noqa: E402

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
PORTS = {"biological": "sensory in, motor out", "all": "all neurons"}
TITLES = {
    "memory-capacity": "delays remembered (more is better)",
    "narma-10": "NARMA-10: error (less is better)",
    "mackey-glass": "Mackey-Glass, 84 ahead: error (less is better)",
}
ABOVE = 0.5
"""Radii from here on count for flatness, as declared."""


class Answered:
    """A task's question with its records and contrasts."""

    def __init__(self, task: str, question: Question) -> None:
        self.task, self.question = task, question
        self.found: list[Record] = records(question, HERE / "results" / f"{task}.json")
        self.contrasts = judge(question, self.found)
        self.measure = question.comparison.outcomes[0]  # type: ignore[union-attr]

    def scores(self, arm: str, ports: str, radius: float) -> np.ndarray:
        """By seed."""
        level = {"spectral_radius": radius, "ports": ports}
        return final([r for r in self.found if r["level"] == level], arm, self.measure)

    def contrast(self, control: str, ports: str, radius: float) -> Contrast:
        """Against a control at a level."""
        level = f"spectral_radius = {radius:g}, ports = {ports}"
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

    n, rng = curves[0].shape[1], Seed(0).child("flatness").child(ports).rng()
    low, high = np.percentile([ratio(rng.integers(n, size=n)) for _ in range(2000)], [2.5, 97.5])
    return ratio(np.arange(n)), (float(low), float(high))


def counted(answered: Answered, control: str, ports: str, verdict: str) -> int:
    """At how many radii the verdict against a control is this one."""
    return sum(answered.contrast(control, ports, radius).verdict == verdict for radius in RADII)


def effects(answered: dict[str, Answered]) -> str:
    """Effect sizes at every level; bold with a verdict."""
    rows = []
    for task, one in answered.items():
        for ports, said in PORTS.items():
            for control in one.question.comparison.arms:  # type: ignore[union-attr]
                cells = []
                for radius in RADII:
                    c = one.contrast(control, ports, radius)
                    text = f"{one.better(c):+.1f}"
                    strong = c.verdict in ("better", "worse")
                    cells.append(f"**{text}**" if strong else "–" if c.verdict == "undecided" else text)
                rows.append([task, said, control, *cells])
    return table(["task", "ports", "control", *(f"{radius:g}" for radius in RADII)], rows)


def draw(answered: dict[str, Answered]) -> Figure:
    """A panel per task and ports: the score over the spectral radius, every arm."""
    figure = sheet(1000, 930)
    page = axes(figure, 0, 0, 1000, 930)
    page.set(xlim=(0, 1000), ylim=(930, 0))
    page.axis("off")
    write(page, 30, 34, "The worm's wiring as a reservoir, from quiet to chaos", fontsize=19, weight="bold")
    write(
        page,
        30,
        60,
        "Medians of 20 graphs and seeds; bands hold the middle 90 % (of Mackey-Glass only below 1).",
        color=MUTED,
    )
    for row, (task, one) in enumerate(answered.items()):
        arms = (CONNECTOME, *one.question.comparison.arms)  # type: ignore[union-attr]
        shaded = 3 if task == "mackey-glass" else len(RADII)
        limits = []
        panels = []
        for column, (ports, said) in enumerate(PORTS.items()):
            ax = axes(figure, 80 + 470 * column, 120 + 270 * row, 400, 200)
            for number, arm in reversed(list(enumerate(arms))):
                values = np.stack([one.scores(arm, ports, radius) for radius in RADII])
                low, high = np.percentile(values, [5, 95], axis=1)
                ax.fill_between(
                    RADII[:shaded], low[:shaded], high[:shaded], color=arm_colour(number), alpha=0.12, linewidth=0
                )
                ax.plot(RADII, np.median(values, axis=1), color=arm_colour(number), linewidth=2.6 if number == 0 else 1.5,
                        marker="o" if number == 0 else "s^D"[number - 1], markersize=5, label=arm)  # fmt: skip
            ax.set_xticks(RADII)
            ax.set_title(f"{TITLES[task]}; {said}", fontsize=12.5, loc="left")
            ax.axvline(1, color=MUTED, linewidth=0.7, linestyle=":")
            limits.append(ax.get_ylim())
            panels.append(ax)
        for ax in panels:
            ax.set_ylim(
                (0.3, 1.5)
                if task == "mackey-glass"
                else (min(low for low, _ in limits), max(high for _, high in limits))
            )
        if row == 0:
            panels[0].legend(frameon=False, fontsize=11.5, ncols=4, loc="lower left", bbox_to_anchor=(-0.02, 1.12))
        if row == 2:
            for ax in panels:
                ax.set_xlabel("spectral radius", color=MUTED, fontsize=12)
    return figure


def claims(answered: dict[str, Answered]) -> list[dict[str, object]]:
    """The two halves of the claim at radius 0.9, at both ports."""
    asked = (("narma-10", "degree-preserving"), ("mackey-glass", "weight-permuted"))
    return [
        claim(
            answered[task].contrast(control, ports, 0.9),
            f"{task}, {'own ports' if ports == 'biological' else 'all neurons'}",
            higher_is_better=False,
        )
        for task, control in asked
        for ports in PORTS
    ]


def best(answered: dict[str, Answered]) -> str:
    """Each arm at the radius where its own mean is best: what it can do, rather than how carefully it must be set."""
    rows = []
    for task, one in answered.items():
        for ports, said in PORTS.items():
            arms = (CONNECTOME, *one.question.comparison.arms)  # type: ignore[union-attr]
            sign = 1 if MEASURES[one.measure].better == "higher" else -1  # type: ignore[index]
            cells = []
            for arm in arms:
                means = {radius: float(one.scores(arm, ports, radius).mean()) for radius in RADII}
                radius = max(RADII, key=lambda r: sign * means[r])
                cells.append(f"{means[radius]:.3f} ({radius:g})")
            rows.append([task, said, *cells])
    return table(["task", "ports", *arms], rows)


def late() -> tuple[list[Contrast], str]:
    """What was asked afterwards, as contrasts and as a table: effect sizes at matched activity."""
    question = afterwards()
    found = judge(question, records(question, HERE / "results" / "afterwards.json"))
    rows = []
    for c in found:
        level = c.level.replace("bulk_activity = ", "")
        effect = f"**{-c.effect_size:+.1f}**" if c.verdict in ("better", "worse") else f"{-c.effect_size:+.1f}"
        rows.append([level, c.control, f"{c.connectome_mean:.3f}", f"{c.control_mean:.3f}", effect, c.verdict])
    return found, table(["activity", "control", "connectome", "control mean", "effect", "verdict"], rows)


def declared(answered: dict[str, Answered]) -> str:
    """The three parts of the claim by the rules of the question, at either ports."""
    narma, glass = answered["narma-10"], answered["mackey-glass"]
    rows = []
    for ports, said in PORTS.items():
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
    answered = {task: Answered(task, question) for task, question in questions().items()}
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(
        declared=declared(answered), effects=effects(answered), afterwards=late()[1], best=best(answered)
    )
    return Finding(
        HERE, page, claims(answered), lambda: draw(answered), "dynamics.png", stamp((HERE / "results").glob("*.json"))
    )


if __name__ == "__main__":
    finding().main()
