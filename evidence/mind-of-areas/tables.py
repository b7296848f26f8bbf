"""The tables of the page, made from the records in results/."""

import json
import tomllib
from pathlib import Path

import numpy as np
from scipy import stats

HERE = Path(__file__).parent
QUESTION = tomllib.loads((HERE / "question.toml").read_text("utf-8"))
UNIMODAL = tomllib.loads((HERE / "unimodal.toml").read_text("utf-8"))["unimodal"]
OUTCOMES = {
    "onset_error": "error at the word's onset",
    "anticipation": "word anticipated",
    "word_from_image": "word from the image",
    "odour_from_image": "odour from the image",
}
ARMS = (*QUESTION["arms"], "end-to-end", *QUESTION["widths"])


def records(arm: str) -> dict[int, dict]:
    """Seed -> record of one arm, as far as they were run."""
    found = (json.loads(path.read_text("utf-8")) for path in sorted((HERE / "results").glob(f"{arm}-[0-9]*.json")))
    return {record["seed"]: record for record in found}


def interval(sample: np.ndarray) -> str:
    """Mean and 95 % interval of Student's t; no interval for fewer than two."""
    mean = float(sample.mean())
    if len(sample) < 2:
        return f"{mean:.3f}"
    half = float(stats.t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))
    return f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"


def arms() -> str:
    """Every arm, every outcome."""
    rows = [f"| arm | seeds | {' | '.join(OUTCOMES.values())} |", f"|---|---:|{'---:|' * len(OUTCOMES)}"]
    for arm in ARMS:
        found = list(records(arm).values())
        cells = [
            interval(np.array([r[outcome] for r in found])) if found and outcome in found[0] else "–"
            for outcome in OUTCOMES
        ]
        rows.append(f"| {arm} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def paired(outcome: str, other: str) -> np.ndarray:
    """The arm on minus another, seed by seed."""
    on, against = records("on"), records(other)
    return np.array([on[seed][outcome] - against[seed][outcome] for seed in sorted(on.keys() & against.keys())])


def differences() -> str:
    """The broadcast on, minus every other arm, paired by seed."""
    rows = [f"| on minus | pairs | {' | '.join(OUTCOMES.values())} |", f"|---|---:|{'---:|' * len(OUTCOMES)}"]
    for other in ARMS[1:]:
        found = records(other)
        if not found:
            continue
        first = next(iter(found.values()))
        cells = [interval(paired(outcome, other)) if outcome in first else "–" for outcome in OUTCOMES]
        rows.append(f"| {other} | {len(found.keys() & records('on').keys())} | {' | '.join(cells)} |")
    return "\n".join(rows)


def verdict() -> str:
    """The answer, as declared; none before all seeds are there."""
    n, samples = QUESTION["seeds"]["n"], [paired("onset_error", other) for other in ("off", "shuffled")]
    ran = min(len(sample) for sample in samples)
    if ran < n:
        return f"**Not answered yet**: {ran} of {n} paired seeds have been run. What is below is kept, and decides nothing."
    half = [stats.t.ppf(0.975, len(s) - 1) * s.std(ddof=1) / np.sqrt(len(s)) for s in samples]
    won = all(s.mean() + h < 0 for s, h in zip(samples, half, strict=True))
    lost = any(s.mean() - h > 0 for s, h in zip(samples, half, strict=True))
    if won:
        return "**Supported**, as declared: both differences lie below 0 with their whole intervals."
    return f"**Not supported**, as declared{': the broadcast makes it worse' if lost else ''}."


def dropped() -> str:
    """Prediction error of every area with one modality absent at test time, broadcast on."""
    found = list(records("on").values())
    if not found:
        return "Not run."
    areas = list(found[0]["dropped"]["nothing"])
    rows = [f"| absent | {' | '.join(areas)} |", f"|---|{'---:|' * len(areas)}"]
    for what in found[0]["dropped"]:
        cells = [interval(np.array([r["dropped"][what][area] for r in found])) for area in areas]
        rows.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(rows)


def alone() -> str:
    """Each area in the mind with the broadcast on, and alone with the whole mind's updates."""
    rows = ["| area | | in the mind | alone | difference |", "|---|---|---:|---:|---:|"]
    on = records("on")
    for area in UNIMODAL["areas"]:
        found = records(f"unimodal-{area}")
        for outcome in ("prediction_error", "onset_error"):
            if outcome not in found[min(found)]:
                continue
            seeds = sorted(on.keys() & found.keys())
            here = [on[s]["areas"][area][outcome] if outcome == "prediction_error" else on[s][outcome] for s in seeds]
            sample, other = np.array(here), np.array([found[s][outcome] for s in seeds])
            said = "prediction error" if outcome == "prediction_error" else OUTCOMES[outcome]
            rows.append(f"| {area} | {said} | {interval(sample)} | {interval(other)} | {interval(sample - other)} |")
    return "\n".join(rows)


def budgets() -> str:
    """Trained parameters of each arm."""
    parts = []
    for arm in ARMS:
        if found := list(records(arm).values()):
            parts.append(f"{arm} {found[0]['parameters']:,}")
    return f"Trained parameters: {', '.join(parts)}." if parts else ""
