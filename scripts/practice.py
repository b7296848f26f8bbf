"""The numbers of `docs/body.md` about learning to move, from the results of `benchmarks/ppo*.py`."""

import json
from textwrap import fill

import numpy as np
from scipy.stats import t as student

from tables import ROOT

RESULTS = ROOT / "benchmarks" / "results"
LATE = 0.2
"""Share of all steps at the end whose lives a final return is the mean of."""


def _read(name: str) -> dict:  # type: ignore[type-arg]
    return json.loads((RESULTS / f"{name}.json").read_text())  # type: ignore[no-any-return]


def _finals(part: dict, library: str) -> np.ndarray:  # type: ignore[type-arg]
    """Mean return at the end of each seed that both libraries finished."""
    seeds = sorted(
        key.split()[1] for key in part if key.startswith("anlage ") and f"stable-baselines3 {key.split()[1]}" in part
    )
    since = (1 - LATE) * part["steps"]
    lives = (part[f"{library} {seed}"]["lives"] for seed in seeds)
    return np.array([np.mean([total for step, total in one if step > since]) for one in lives])


def curves() -> str:
    """Final returns of both libraries in every world that was run, the difference with Welch's interval, and what each cost."""
    rows = [
        "| body | steps | seeds | here | Stable-Baselines3 | difference, 95 % | CPU s, here | there |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, part in _read("ppo").items():
        if not name.startswith("curves "):
            continue
        mine, theirs = (_finals(part, library) for library in ("anlage", "stable-baselines3"))
        shown = [
            f"{each.mean():.1f}" + (f" ± {each.std(ddof=1):.1f}" if len(each) > 1 else "") for each in (mine, theirs)
        ]
        gap = mine.mean() - theirs.mean()
        cost = " | ".join(
            f"{np.median([part[f'{library} {seed}']['cpu_s'] for seed in range(len(mine))]):.0f}"
            for library in ("anlage", "stable-baselines3")
        )
        row = f"| {name.split()[1]} | {part['steps']:,} | {len(mine)} | {shown[0]} | {shown[1]} |"
        if len(mine) < 2:
            rows.append(f"{row} {gap:+.1f}, of one seed | {cost} |")
            continue
        error = np.array([each.var(ddof=1) / len(each) for each in (mine, theirs)])
        freedom = error.sum() ** 2 / (error**2 / (len(mine) - 1)).sum()
        reach = student.ppf(0.975, freedom) * np.sqrt(error.sum())
        rows.append(f"{row} {gap:+.1f} [{gap - reach:+.1f}, {gap + reach:+.1f}] | {cost} |")
    return "\n".join(rows)


def speed() -> str:
    """Steps of the swimmer per CPU second, learning included."""
    rows = ["| what acts and learns | steps per CPU second | of the body alone |", "|---|---:|---:|"]
    part = _read("ppo")["speed"]
    alone = next(iter(part.values()))["steps_per_cpu_s"]
    for name, found in part.items():
        rows.append(f"| {name} | {found['steps_per_cpu_s']:,.0f} | {found['steps_per_cpu_s'] / alone:.0%} |")
    return "\n".join(rows)


def killed() -> str:
    """What came of killing a practice."""
    found = _read("ppo_killed")
    end = "the same curve and weights, bit for bit" if found["same"] else "others"
    times = f"Killed {found['kills']} times in {found['iterations']} iterations and run again each time"
    return f"{times}, a practice ends with {end}."


def parity() -> str:
    """How far apart both libraries end that start from the same weights and meet the same chance, and how far without."""
    alone = [_finals(_read("ppo")["curves swimmer"], library) for library in ("anlage", "stable-baselines3")]
    ranges = [f"{each.min():.0f} to {each.max():.0f}" for each in alone]
    found = _read("ppo_parity")
    updates, last = list(found["after_updates"].items())[-1]
    said = (
        "Given the same first weights, lives, chance and order of learning, the two do the same: after "
        f"{updates} updates and {last['lives']} lives that ended, {found['n_weights']:,} weights have moved by up to "
        f"{last['moved']:.2f} and are nowhere more than {last['apart']:.5f} apart (`python benchmarks/ppo_parity.py`). With "
        f"chances of their own a practice of the swimmer comes to {ranges[0]} of 1,000 here, to {ranges[1]} there."
    )
    return fill(said, 140)
