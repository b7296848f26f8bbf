"""Turn ``results/`` into ``page.md``, ``claims.json`` and ``backflips.png``; ``--check`` only says whether they are fresh."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "scripts"), str(HERE)]
from flips import PARTS, QUESTION, read, trials  # noqa: E402

from anlage.errors import AnlageError  # noqa: E402
from anlage.seed import Seed  # noqa: E402
from anlage.study.canvas import ARM, LINE, MUTED, axes, sheet, write  # noqa: E402
from anlage.study.statistics import bootstrap_interval, sign_flip_p  # noqa: E402
from finding import Finding, stamp, table  # noqa: E402

STEPS: int = QUESTION["steps"]
PLANNER, CLONED, TAUGHT, ALONE, LONGER = ("planner", "cloned", "cloned, then PPO", "PPO alone", "PPO alone, longer")
COLOURS = {PLANNER: ARM[2], CLONED: ARM[4], TAUGHT: ARM[0], ALONE: ARM[1], LONGER: ARM[1]}
WRITTEN_FOR = "partly"
"""What the prose says."""


def records(part: str) -> list[dict[str, Any]]:
    """Every trial of a part; of the longer practice, those that are finished. Raises ``AnlageError`` while others are missing."""
    found = [read(part, index) for index in range(trials(part))]
    if part != "longer" and (missing := sum(record is None for record in found)):
        raise AnlageError(f"{missing} trials of {part} are missing; finish them with run.py.")
    return [record for record in found if record is not None]


def curve(record: dict[str, Any]) -> np.ndarray:
    """Steps of practice, and mean turns in the exam then."""
    return np.array([[step, np.mean(turns)] for step, turns in record["curve"]])


def spent(record: dict[str, Any]) -> np.ndarray:
    """CPU seconds until each exam: on demonstrations and cloning, where there were any, and on practice."""
    steps = curve(record)[:, 0]
    before = record.get("cpu_s_demonstrating", 0.0) + record.get("cpu_s_cloning", 0.0)
    return np.asarray(before + record["cpu_s_practising"] * steps / steps[-1])


def turns(arm: str) -> np.ndarray:
    """Mean turns of every trial of an arm."""
    if arm == PLANNER:
        return np.array([np.mean(record["turns"]) for record in records("planner")])
    part = {ALONE: "alone", LONGER: "longer"}.get(arm, "taught")
    return np.array([curve(record)[0 if arm == CLONED else -1, 1] for record in records(part)])


def gain(arm: str) -> tuple[float, tuple[float, float], float] | None:
    """What the taught one turns more than an arm, paired by trial: mean, its interval, p of the sign flip. None of one trial."""
    other = turns(arm)
    d = turns(TAUGHT)[: len(other)] - other
    if len(d) < 2:
        return None
    rng = Seed(QUESTION["seed"]).child("bootstrap").rng()
    return float(d.mean()), bootstrap_interval(d, rng), sign_flip_p(d, rng)


def answer() -> str:
    """What becomes of the claim, by the rule of the question."""
    held = [found is not None and found[1][0] > 0 for found in map(gain, (ALONE, LONGER))]
    return "supported" if all(held) else "partly" if any(held) else "not supported"


def means() -> str:
    """Turns of every arm, and its trials from the worst to the best."""
    rows = []
    for arm in COLOURS:
        found = turns(arm)
        low, high = bootstrap_interval(found, Seed(0).rng())
        reach = f" ({low:.1f} to {high:.1f})" if len(found) > 1 else ""
        rows.append([arm, f"{found.mean():.1f}{reach}", ", ".join(f"{one:.1f}" for one in sorted(found))])
    return table(["arm", "backflips in 10 s (95 %)", "trials"], rows)


def gains() -> str:
    """Paired differences."""
    rows = []
    for arm in (ALONE, LONGER, CLONED, PLANNER):
        if found := gain(arm):
            mean, (low, high), p = found
            rows.append([arm, f"{mean:+.1f} ({low:+.1f} to {high:+.1f})", f"{p:.4f}"])
        else:
            rows.append([arm, f"{turns(TAUGHT)[0] - turns(arm)[0]:+.1f} in its one trial", "–"])
    return table([f"{TAUGHT}, minus", "backflips (95 % interval)", "p (sign flip)"], rows)


def costs() -> dict[str, str]:
    """CPU seconds of one trial, on average; ``on_top``: what the longer practice took more than the shorter one."""
    taught = records("taught")
    means = {name: np.mean([r[f"cpu_s_{name}"] for r in taught]) for name in ("demonstrating", "cloning", "practising")}
    longer, alone = (np.mean([r["cpu_s_practising"] for r in records(part)]) for part in ("longer", "alone"))
    means |= {"on_top": longer - alone, "life": np.mean([record["cpu_s"] for record in records("planner")])}
    return {name: f"{value:.0f}" for name, value in means.items()}


def forgotten() -> str:
    """How far each taught one was below its own best exam at the end."""
    lost = [curve(record)[:, 1].max() - curve(record)[-1, 1] for record in records("taught")]
    return ", ".join(f"{one:.1f}" for one in sorted(lost))


def draw() -> Figure:
    """Exams while practising, and all arms at the end."""
    figure = sheet(1000, 470)
    page = axes(figure, 0, 0, 1000, 470)
    page.set(xlim=(0, 1000), ylim=(470, 0))
    page.axis("off")
    write(page, 30, 34, "Who turns over?", fontsize=19, weight="bold")
    write(
        page, 30, 60, "Backflips in 10 s, in lives without chance; thin: single trials, thick: their mean.", color=MUTED
    )
    left, right = axes(figure, 60, 100, 400, 300), axes(figure, 530, 100, 450, 300)
    planned = turns(PLANNER).mean()
    for part, arm in (("longer", LONGER), ("alone", ALONE), ("taught", TAUGHT)):
        found = records(part)
        curves = np.array([np.stack([spent(record), curve(record)[:, 1]], axis=1) for record in found])
        for each in curves:
            left.plot(*each.T, color=COLOURS[arm], lw=0.8, alpha=0.5)
        left.plot(*curves.mean(0).T, color=COLOURS[arm], lw=3)
    left.axhline(planned, color=COLOURS[PLANNER], lw=2)
    begun = float(np.mean([spent(record)[0] for record in records("taught")]))
    left.axvline(begun, color=MUTED, lw=1, ls=":")
    for arm, place, height, side in (
        (PLANNER, 3.0, planned + 0.2, "left"),
        (TAUGHT, begun - 4, 7.2, "right"),
        (ALONE, 20.0, 2.2, "left"),
    ):
        write(left, place, height, arm, color=COLOURS[arm], ha=side)
    left.set(xlim=(0, None))
    left.set_title("against the CPU time spent", fontsize=12.5, loc="left")
    left.set_xlabel("CPU seconds; until the dotted line the planner lives and is cloned", color=MUTED)
    right.set_title("in the end", fontsize=12.5, loc="left")
    for place, arm in enumerate(COLOURS):
        found = turns(arm)
        spread = np.linspace(-0.16, 0.16, len(found))
        right.scatter(place + spread, found, s=26, color=COLOURS[arm], alpha=0.6, lw=0, clip_on=False)
        right.plot([place - 0.3, place + 0.3], [found.mean()] * 2, color=COLOURS[arm], lw=3)
        write(right, place, -1.1, arm.replace(", ", ",\n"), ha="center", va="top", fontsize=11.5, color=COLOURS[arm])
    right.set(xlim=(-0.5, len(COLOURS) - 0.5), xticks=[])
    top = 1.08 * max(planned, *(turns(arm).max() for arm in COLOURS))
    for ax in (left, right):
        ax.set(ylim=(-0.8, top))
        ax.spines["left"].set_visible(True)
        ax.spines["left"].set_color(LINE)
    return figure


def finding() -> Finding:
    """The page."""
    if answer() != WRITTEN_FOR:
        sys.exit(f"The page was written for {WRITTEN_FOR!r}, but the answer is {answer()!r}; rewrite it.")
    asked = ("demonstrations", "trials", "lives", "steps", "longer_steps", "longer_trials")
    numbers = {key: f"{QUESTION[key]:,}" for key in asked} | {"longer_run": f"{len(records('longer'))}"}
    text = (HERE / "page.template.md").read_text("utf-8")
    page = text.format(means=means(), gains=gains(), forgotten=forgotten(), **costs(), **numbers)
    results = [HERE / "results" / f"{part}-{index}.json" for part in PARTS for index in range(trials(part))]
    results = [path for path in results if path.exists()]
    return Finding(HERE, page, [], draw, "backflips.png", stamp(results))


if __name__ == "__main__":
    finding().main()
