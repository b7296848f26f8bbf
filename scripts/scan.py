"""The numbers of docs/scan.md, from what evidence/scan-baseline/run.py kept."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "evidence" / "scan-baseline"
ARMS = ("truth", "baseline", "blocks", "watershed", "components")
CONTRASTS = (("baseline", "truth"), ("baseline", "watershed"), ("baseline", "components"), ("baseline", "blocks"))
SHOWN = 0.5
MARGIN = 0.05


def records() -> list[dict]:
    """Every phantom's record. Raises ``SystemExit`` when one answers another question than the one that is committed."""
    identity = sha256((FOLDER / "question.toml").read_bytes()).hexdigest()[:12]
    found = [json.loads(path.read_text()) for path in FOLDER.glob("results/*.json")]
    if not found or {record["question"] for record in found} != {identity}:
        raise SystemExit("evidence/scan-baseline/results are of another question; run evidence/scan-baseline/run.py.")
    return sorted(found, key=lambda record: record["seed"])


def best(arm: str) -> np.ndarray:
    """The highest F1 over the thresholds, by phantom."""
    return np.array([max(point["f1"] for point in record["arms"][arm]["curve"]) for record in records()])


def curve(arm: str, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds, and ``what`` at each by phantom, NaN where there is none."""
    rows = [record["arms"][arm]["curve"] for record in records()]
    values = [[np.nan if point[what] is None else point[what] for point in row] for row in rows]
    return np.array([point["threshold"] for point in rows[0]]), np.array(values, dtype=float)


def arms() -> str:
    """Means over phantoms by arm."""
    head = "| segments from | splits (bits) | merges (bits) | segments | precision | recall | edit distance | best F1 |"
    rows = [head, "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for arm in ARMS:
        each = [record["arms"][arm] for record in records()]
        split, merge, n = (np.mean([a[k] for a in each]) for k in ("split_bits", "merge_bits", "segments"))
        at = [next(p for p in a["curve"] if p["threshold"] == SHOWN) for a in each]
        precision = [p["precision"] for p in at if p["precision"] is not None]
        recall, distance = (np.mean([p[k] for p in at]) for k in ("recall", "distance"))
        shown = f"{np.mean(precision):.2f}" if len(precision) == len(at) else f"none in {len(at) - len(precision)}"
        rows.append(
            f"| {arm} | {split:.2f} | {merge:.2f} | {n:.0f} | {shown} | {recall:.2f} | {distance:.0f} | {best(arm).mean():.3f} |"
        )
    return "\n".join(rows)


def contrasts() -> str:
    """The declared contrasts: paired differences of the best F1 with their t intervals, p after Holm."""
    rows = ["| contrast | mean difference in F1 (95 % interval) | p (Holm) |", "|---|---:|---:|"]
    tests = [(a, b, stats.ttest_rel(best(a), best(b))) for a, b in CONTRASTS]
    order = np.argsort([test.pvalue for *_, test in tests])
    holm, least = {}, 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, tests[i][2].pvalue * (len(tests) - rank)))
        holm[i] = least
    for i, (a, b, test) in enumerate(tests):
        low, high = test.confidence_interval()
        p = f"{holm[i]:.3f}" if holm[i] >= 0.001 else "< 0.001"
        rows.append(f"| {a} minus {b} | {np.mean(best(a) - best(b)):+.3f} ({low:+.3f} to {high:+.3f}) | {p} |")
    return "\n".join(rows)


def verdict() -> str:
    """What the declared rule says."""
    low, high = stats.ttest_rel(best("baseline"), best("truth")).confidence_interval()
    if low > -MARGIN:
        return f"By the declared rule (margin {MARGIN:g}) the recovery is **nearly complete**."
    if high < -MARGIN:
        return f"By the declared rule (margin {MARGIN:g}) the claim is **not supported**: the baseline loses more than that."
    return (
        f"By the declared rule (margin {MARGIN:g}) the claim is **not shown**: the interval reaches beyond the margin."
    )


def size() -> str:
    """How much was tried."""
    found = records()
    neurons = [record["neurons"] for record in found]
    span = f"{min(neurons)}" if min(neurons) == max(neurons) else f"{min(neurons)} to {max(neurons)}"
    return f"{len(found)} phantoms of {span} neurites each"
