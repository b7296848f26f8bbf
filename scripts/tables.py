"""The tables and numbers in the docs. Pages call these through cog, so that a stale number fails the check."""

import json
from pathlib import Path

import numpy as np

from anlage.connectome.catalogue import NOT_OFFERED
from anlage.connectome.library import EMBEDDED, load
from anlage.connectome.release import RELEASES
from anlage.errors import ControlError
from anlage.experience import TASKS
from anlage.experience.measure import MEASURES
from anlage.learning.recipe import Blueprint
from anlage.study.question import CONTROLS
from anlage.topology import Promise, Remover, control_graph
from anlage.topology.promise import COLUMNS

ROOT = Path(__file__).parents[1]


def connectomes() -> str:
    """Every embedded connectome: size, signs, licence."""
    rows = ["| name | what | neurons | edges | signs known | licence |", "|---|---|---:|---:|---:|---|"]
    animals = [name for name in EMBEDDED if name.startswith("worm-witvliet")]
    for name in EMBEDDED:
        if name in animals[1:]:
            continue
        shown, sizes = name, [name]
        if name in animals:
            shown, sizes = f"{animals[0]} … {animals[-1][-1]}", animals
        loaded = [load(each) for each in sizes]
        source = loaded[0].source
        known = 1 - loaded[0].sign_shares()["none"] - loaded[0].sign_shares()["assumed"]
        rows.append(
            f"| `{shown}` | {source.title} | {_range([c.n_neurons for c in loaded])} | "
            f"{_range([len(c.pre) for c in loaded])} | {known:.0%} | {source.licence} |"
        )
    return "\n".join(rows)


def releases() -> str:
    """Every release that can be fetched: how much it is, how large the download, which licence."""
    rows = ["| name | what | neurons | edges | download | licence |", "|---|---|---:|---:|---:|---|"]
    for name, release in RELEASES.items():
        size = f"{release.megabytes:.1f} MB"
        what = f"[{release.what}]({release.source.origin})"
        rows.append(f"| `{name}` | {what} | {release.neurons} | {release.edges} | {size} | {release.source.licence} |")
    return "\n".join(rows)


def lost() -> str:
    """What the copy of each release does not hold, in its own words."""
    return "\n".join(f"- **`{name}`** ({r.source.version}). {r.source.lossy}" for name, r in RELEASES.items())


def files() -> str:
    """Every published file with its length and the checksum that it must have."""
    rows = ["| release | file | bytes | pinned by |", "|---|---|---:|---|"]
    for name, release in RELEASES.items():
        for file in release.files:
            pin = f"sha256 {file.sha256[:16]}…" if file.sha256 else f"md5 {file.md5[:16]}…"
            rows.append(f"| `{name}` | [{file.file_name}]({file.url}) | {file.bytes:,} | {pin} |")
    return "\n".join(rows)


def not_offered() -> str:
    """What somebody may look for, and why it is not here."""
    rows = ["| name | why it is not here |", "|---|---|"]
    return "\n".join([*rows, *(f"| {name} | {why} |" for name, why in NOT_OFFERED.items())])


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def controls() -> str:
    """What every control keeps and destroys, as declared and as certified on the worm's chemical synapses."""
    topology = Blueprint(kinds=("chemical",), signs="transmitter").topology()
    rows = ["| control | keeps | destroys | edges left in place on the worm |", "|---|---|---|---:|"]
    for name, make in CONTROLS.items():
        control = make()
        try:
            graph, _ = control_graph(control, topology, np.random.default_rng(0))
            left = f"{np.isin(topology.key(), graph.key()).mean():.0%}"
        except ControlError:
            left = "refused"
        keeps, destroys = (", ".join(sorted(map(str, part))) for part in (control.keeps, control.destroys))
        if isinstance(control, Remover):
            destroys += f"; to none: {', '.join(sorted(map(str, control.removes)))}"
        rows.append(f"| `{name}` | {keeps} | {destroys} | {left} |")
    return "\n".join(rows)


def verdicts(folder: str) -> str:
    """One line per contrast of a committed run."""
    result = json.loads((ROOT / folder / "result.json").read_text())
    rows = [
        "| outcome | control | connectome | control mean | difference (95 % interval) | percentile | p (Holm) | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for c in result["contrasts"]:
        low, high = c["interval"]
        rows.append(
            f"| {c['outcome'].replace('_', ' ')} | {c['control']} | {c['connectome_mean']:.3f} | {c['control_mean']:.3f} | "
            f"{c['difference']:+.4f} ({low:+.4f} to {high:+.4f}) | {c['percentile']:.0f} | {c['p_holm']:.2f} | {c['verdict']} |"
        )
    return "\n".join(rows)


def probes(folder: str) -> str:
    """Trained, untrained and raw input under the same probe, in one sentence."""
    result = json.loads((ROOT / folder / "result.json").read_text())
    curves = [json.loads(path.read_text())["curve"] for path in sorted((ROOT / folder).glob("*/connectome-*.json"))]
    trained, untrained = (np.mean([curve[i]["probe_accuracy"] for curve in curves]) for i in (-1, 0))
    return (
        f"A linear probe names {trained:.1%} of held-out digits from the grown network, {untrained:.1%} from the same network "
        f"untrained, and {result['raw_probe_accuracy']:.1%} from the raw pixels."
    )


def most_different(folder: str) -> str:
    """The graph with a wiring of its own whose prediction error differs most from the connectome's, and its effective rank."""
    last: dict[tuple[str, int], dict[str, float]] = {}
    for path in sorted((ROOT / folder / "results").glob("*.json")):
        record = json.loads(path.read_text())
        last[record["arm"], record["index"]] = record["curve"][-1]
    arm, index = max(
        (key for key in last if key[0] not in ("connectome", "interface-only")),
        key=lambda key: abs(last[key]["prediction_error"] - last["connectome", key[1]]["prediction_error"]),
    )
    here, there = last[arm, index], last["connectome", index]
    return (
        f"The graph that differs most, {arm} {index}, has a prediction error of {here['prediction_error']:.3f} where the "
        f"connectome from the same seed has {there['prediction_error']:.3f}, and an effective rank of "
        f"{here['effective_rank']:.2f} where that has {there['effective_rank']:.2f}."
    )


def parts(by: str) -> str:
    """The parts of the larva, by function or by an annotation."""
    division = _division()
    rows = [
        "| part | neurons | entries | exits | edges inside | arriving | leaving | shortest way through | hops from the inputs | "
        "to the outputs |",
        "|---|" + "---:|" * 9,
    ]
    for part in division["function"]["parts"] if by == "function" else division["annotation"][by]:
        ports = [f"{part[end]:,} ({part[f'{end}_majority']:,})" for end in ("entry", "exit")]
        counts = [f"{part[key]:,}" for key in ("inside", "arriving", "leaving")]
        way, other = ("none" if part[key] < 0 else part[key] for key in ("hops", "hops_majority"))
        ends = ["-" if part[key] is None else f"{part[key]:.1f}" for key in ("from_input", "to_output")]
        rows.append(
            " | ".join(["| " + part["name"], f"{part['neurons']:,}", *ports, *counts, f"{way} ({other})", *ends]) + " |"
        )
    return "\n".join(rows)


def part_checks() -> str:
    """Left and right, relays and the two numbers of the rule, in sentences."""
    function = _division()["function"]
    pairs, relays = function["symmetry"], function["relays"]
    right, n = (sum(counts[i] for counts in relays.values()) for i in (0, 1))
    least = min(function["sensitivity"].items(), key=lambda item: item[1]["adjusted_rand"])
    sizes = [found["association"] for found in function["sensitivity"].values()]
    each = ", ".join(f"{sense} {a} of {b}" for sense, (a, b) in sorted(relays.items()))
    return (
        f"- Left and right: {pairs['together']:.0%} of {pairs['n_pairs']:,} homologous pairs fall into the same part "
        f"({pairs['by_chance']:.0%} by chance). Nothing in the rule knows of pairs or sides.\n"
        f"- Relays: of {n} neurons that the release calls second-order to one sense only, {right} ({right / n:.0%}) fall into "
        f"that sense ({each}). Not independent: second order was called by direct synapses of the same wiring.\n"
        f"- The two numbers of the rule: with 2, 3 or 4 hops and a majority of 0.4, 0.5 or 0.6 the adjusted Rand index with the "
        f"division above is at least {least[1]['adjusted_rand']:.2f} ({least[0]}); the association part has {min(sizes)} to "
        f"{max(sizes)} neurons. {function['edges_inside']:.0%} of all edges lie inside parts."
    )


def division_agreement() -> str:
    """How much of the larva's division by structure annotations share, against three nulls, and refits on controls."""
    division = _division()
    rows = [
        "| division | annotation | neurons | agreement | labels permuted | among like degrees | within side and role |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in division["structure"].items():
        for label, nulls in found["agreement"].items():
            null = [f"{n['null_mean']:.2f} (p = {n['p']:.3f})" for n in nulls.values()]
            first = next(iter(nulls.values()))
            rows.append(
                f"| {name.replace('-', ' ')}, {found['n_parts']} parts | {label} | {first['n_neurons']:,} | "
                f"{first['value']:.2f} | {' | '.join(null)} |"
            )
    return "\n".join(rows)


def division_refits() -> str:
    """The best of the divisions found in graphs of each control, as sentences; and the verdict as it was declared."""
    division = _division()
    lines = []
    for key, refits in division["refits"].items():
        control, name = key.split(" ")
        values = [refit["value"] for refit in refits]
        measured = division["structure"][name]["agreement"]["class"]["permuted"]["value"]
        lines.append(
            f"- {name.replace('-', ' ')} on {len(values)} graphs of `{control}`: {np.mean(values):.2f} on average, "
            f"{max(values):.2f} at most; the larva {measured:.2f}."
        )
    block = division["structure"]["block-model"]["agreement"]["class"]
    held = [null["p"] <= 0.001 for null in block.values()] + [
        block["permuted"]["value"] > max(refit["value"] for refit in refits)
        for key, refits in division["refits"].items()
        if key.endswith("block-model")
    ]
    singles, scale = division["singles"], division["for_scale"]
    lines.append(
        f"- the larva itself by {len(singles)} single runs, as a refit has, not asked for beforehand: {np.mean(singles):.2f} on "
        f"average, {min(singles):.2f} to {max(singles):.2f}."
    )
    lines.append(
        f"- for scale, not asked for beforehand: {', '.join(f'{name} alone {value:.2f}' for name, value in scale.items())}."
    )
    return "\n".join([*lines, "", f"As declared: {'supported' if all(held) else 'not supported'}."])


def division_structure() -> str:
    """What each way found: parts, agreement of its runs, left and right."""
    lines = []
    for name, found in _division()["structure"].items():
        pairs = found["symmetry"]
        lines.append(
            f"- {name.replace('-', ' ')}: {found['n_parts']} parts of {min(found['sizes'])} to {max(found['sizes'])} neurons; "
            f"runs agree with an adjusted Rand index of {found['step']['agreement_of_runs']:.2f}; {pairs['together']:.0%} of "
            f"homologous pairs fall into one part ({pairs['by_chance']:.0%} by chance)."
        )
    return "\n".join(lines)


def _division() -> dict:
    return json.loads((ROOT / "evidence" / "larva-division" / "results" / "division.json").read_text())


def main_job(job: str) -> str:
    """How long a main job takes, "demo" or "digits"."""
    told = _benchmark("main_job")
    minutes, seconds = divmod(told[job]["wall_s"], 60)
    return f"{minutes} min {seconds} s on {told['cores']} cores"


def larva_mnist() -> str:
    """How long the image study of the larva takes with its controls, killed and resumed, in a sentence."""
    told = _benchmark("larva_mnist")
    return (
        f"All {told['trials']} trials, killed after {told['kept_when_killed']} and resumed, took {told['wall_min']:.0f} minutes "
        f"with {told['workers']} processes on a busy machine, {told['cpu_min']:.0f} of processor time ({_machine(told)})."
    )


def rewire() -> str:
    """The rewiring benchmark in one sentence."""
    r = _benchmark("rewire")
    return (
        f"Rewiring the {r['graph']} ({r['edges']:,} edges, {r['swaps_per_edge']:.0f} swaps per edge) takes "
        f"{r['anlage_cpu_s']} s of CPU time, {r['ratio']} times less than a plain loop ({_machine(r)})."
    )


def ladder() -> str:
    """What every rung costs on each connectome of the benchmark, and how far it is from what it promises."""
    r = _benchmark("ladder")
    sizes = "; ".join(f"{name}: {w['neurons']:,} neurons, {w['edges']:,} edges" for name, w in r["wirings"].items())
    lines = [
        ["control", *(f"{name}: CPU s, + audit, MB" for name in r["wirings"]), "edges left in place", "off, of allowed"]
    ]
    lines.append(["---", *["---:"] * len(r["wirings"]), "---:", "---"])
    for control in CONTROLS:
        rungs = [wiring["rungs"][control] for wiring in r["wirings"].values()]
        cost = [
            "refused" if "refused" in x else f"{x['cpu_s']:.2g} + {x['audit_cpu_s']:.2g}, {x['peak_mb']:,}"
            for x in rungs
        ]
        left = " / ".join("-" if "refused" in x else f"{x['left_in_place']:.0%}" for x in rungs)
        worst: dict[str, tuple[float, float]] = {}
        for finding in (f for x in rungs for f in x.get("tolerated", ())):
            off = max(finding["off"], worst.get(finding["quantity"], (0.0, 0.0))[0])
            worst[finding["quantity"]] = off, finding["tolerance"]
        far = "; ".join(f"{what}: {off:.2%} of {allowed:.0%}" for what, (off, allowed) in worst.items())
        lines.append([f"`{control}`", *cost, left, far or "exact"])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{sizes}. {_machine(r)}; one graph each, one thread. `python benchmarks/ladder.py`"


def expansion() -> str:
    """The larva expanded, held against every promise."""
    r = _benchmark("expand")
    rows = [Promise(**{**row, "interval": row["interval"] and tuple(row["interval"])}) for row in r["promises"]]
    lines = [COLUMNS, ("---", *["---:"] * 4, "---"), *(row.words() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def expansion_words() -> str:
    """What the published model would make of the same graph, and how long ours takes."""
    r = _benchmark("expand")
    largest, poisson = r["sizes"][-1], r["poisson_mean_degree"]
    shown = f"{r['shown_factor']:g}"
    return (
        f"The {r['graph']} has {r['mean_degree']} edges per neuron. Poisson synapses over three roles would give it "
        f"{poisson['1']} at its own size and {poisson[shown]} at {shown} times. Our expansion {largest['factor']:g} times "
        f"({largest['neurons']:,} neurons, {largest['edges']:,} edges) takes {largest['cpu_s']:.0f} s of CPU time and "
        f"{largest['peak_mb'] / 1000:.1f} GB on one core; twice the {r['graph']} takes {r['anlage_twice_cpu_s']} s, "
        f"{r['ratio']} times less than a plain loop over edges and {r['networkx_ratio']} times less than NetworkX's "
        f"configuration model, which knows no blocks ({_machine(r)}). `python benchmarks/expand.py`"
    )


def mind() -> str:
    """What every area of `recipes/mind.toml` came to predict."""
    r = _benchmark("mind")
    first, last = r["first"]["areas"], r["last"]["areas"]
    rows = [
        "| area | neurons | edges | error, untrained | error | no change | effective rank |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, size in r["size"].items():
        now = last[name]
        rows.append(
            f"| {name} | {size['neurons']:,} | {size['edges']:,} | {first[name]['prediction_error']:.3f} | "
            f"{now['prediction_error']:.3f} | {now['persistence_error']:.3f} | {now['effective_rank']:.1f} |"
        )
    return "\n".join(rows)


def mind_holders() -> str:
    """Who held the workspace when the word began, in words."""
    r = _benchmark("mind")
    names, word_at = [n for n in r["size"] if n != "workspace"], r["word_at"]
    share = dict(zip(names, r["last"]["holder"][word_at], strict=True))
    before = dict(zip(names, r["last"]["holder"][word_at - 1], strict=True))
    return (
        "At the moment when the word begins, the language area has the largest share of the workspace in "
        f"{share['language']:.0%} of the held-out lives; a moment earlier, in {before['language']:.0%}."
    )


def larger_mind(name: str) -> str:
    """What the areas of a larger mind came to predict, and what it took."""
    r = _benchmark(name)
    rows = [
        "| area | wiring | neurons | edges | error, untrained | error | no change | effective rank |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for area, a in r["areas"].items():
        rows.append(
            f"| {area} | {a['wiring']} | {a['neurons']:,} | {a['edges']:,} | {a['untrained_error']:.3f} | "
            f"{a['prediction_error']:.3f} | {a['persistence_error']:.3f} | {a['effective_rank']:.1f} |"
        )
    took = f"Growing it takes {r['cpu_s'] / 60:.1f} minutes of one core ({r['machine']['processor']})."
    return "\n".join([*rows, "", took])


def mind_kills() -> str:
    """At what a growing mind was killed, and what came of it."""
    r = _benchmark("mind_kills")
    nights = sorted({at.removeprefix("night of ") for at in r["kills"] if at.startswith("night")})
    other = [
        f"{sum(at == name for at in r['kills'])} {words}"
        for name, words in (
            ("day", "by day"),
            ("evening", "while it was measured"),
            ("start", "before it had woken"),
        )
        if name in r["kills"]
    ]
    n_nights = sum(at.startswith("night") for at in r["kills"])
    said = "is the same, bit for bit" if r["identical"] else "**differs**"
    where = "; ".join([f"{n_nights} in nights of {', '.join(nights)}", *other])
    chosen = f"{r['aimed']} times where it was aimed at and {len(r['kills']) - r['aimed']} times wherever it was"
    return f"Killed {chosen} ({where}), a mind goes on each time, and what it ends with {said}."


def engine() -> str:
    """A training step and a training minibatch: anlage in ms, each other engine as a multiple of it; and memory."""
    graphs = _benchmark("engine")["graphs"]
    columns = [(graph, "edge 32 1 1", "1 step") for graph in ENGINE_GRAPHS if graph in graphs]
    columns += [(graph, "unroll 32 1 20", "20 steps") for graph in ("worm", "larva") if graph in graphs]
    rows = [
        "| engine | " + " | ".join(f"{ENGINE_GRAPHS[g]}, {what}" for g, _, what in columns) + " | memory, larva |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    for name in dict.fromkeys(name for graph in graphs.values() for name in graph["engines"]):
        cells = [graphs[graph]["engines"].get(name, {}).get(case, {}) for graph, case, _ in columns]
        shown = [_ratio(cell, absolute=name == "anlage") for cell in cells]
        if all(cell == "–" for cell in shown):
            continue
        held = graphs.get("larva", {"engines": {}})["engines"].get(name, {}).get("edge 32 1 1", {}).get("peak_mb")
        rows.append(f"| {name} | {' | '.join(shown)} | {'–' if held is None else f'{held:.0f} MB'} |")
    return "\n".join(rows)


ENGINE_GRAPHS = {
    "worm": "worm",
    "larva": "larva",
    "optic-lobe": "optic lobe",
    "flywire-size": "FlyWire size",
}
"""Graphs of the engine benchmark, as the docs call them."""


def _ratio(cell: dict, *, absolute: bool) -> str:
    """A case of the engine benchmark in a table: time, multiple, or why there is none."""
    if "cpu_ms" not in cell:
        return "out of memory" if "out of memory" in cell.get("why_not", "") else "–"
    if absolute:
        return f"{cell['cpu_ms'][1]:,.{max(0, 2 - len(str(int(cell['cpu_ms'][1]))) + 1)}f} ms"
    return f"{cell['ratio']:,.1f}" if "ratio" in cell else "–"


def engine_growth() -> str:
    """Distance from the floor of the memory, and how anlage's time grows, in two sentences."""
    r = _benchmark("engine")
    steps = {name: graph["engines"].get("anlage", {}).get("edge 32 1 1", {}) for name, graph in r["graphs"].items()}
    floors = [
        f"{steps[name]['floor_ratio']:.0f} times ({words})"
        for name, words in ENGINE_GRAPHS.items()
        if "floor_ratio" in steps.get(name, {})
    ]
    said = f"A training step of anlage takes {', '.join(floors)} what moving every array once would."
    fits = r["growth"]["engines"].get("anlage", {})
    if fits:
        laws = [
            f"{what} to the power {f['exponent']:.2f} ({f['interval'][0]:.2f} to {f['interval'][1]:.2f})"
            for what, f in fits.items()
        ]
        said += f" Its time grows as {', '.join(laws)}."
    return f"{said} ({_machine(r)})"


REFERENCE = {
    "memory-capacity": "a delay line",
    "narma-10": "the recursion itself",
    "mackey-glass": "the equation itself",
    "three-body": "the equations themselves",
    "item-recall": "knowing the items",
    "path-integration": "the sum of all turns",
    "still-images": "support vectors, on pixels of 1,000",
    "image-rows": "support vectors, on pixels of 1,000",
    "few-shot": "nearest mean, by pixels",
    "spoken-digit-naming": "support vectors, on all frames",
    "odours": "Bayes' rule",
    "next-byte": "a 4-gram model",
    "chess-value": "counting pieces",
    "chess-moves": "counting pieces",
}
"""What reaches the oracle of a task."""


def tasks() -> str:
    """Every task as it comes: what enters, what is asked, the best and the trivial score."""
    rows = [
        "| task | enters, per moment | moments | answers | score | oracle | chance | source | licence |",
        "|---|---:|---:|---:|---|---|---:|---|---|",
    ]
    measured = _benchmark("tasks")
    for word, cls in TASKS.items():
        row, source = measured[word], cls().source
        asked = f"{row['output']} at the end" if row["moments_asked"] == 1 else f"{row['output']} each moment"
        better = "" if MEASURES[row["measure"]].better == "higher" else " (lower is better)"
        oracle, chance = (f"{round(float(np.mean(row[what])), 3) + 0.0:.3g}" for what in ("oracle", "chance"))
        rows.append(
            f"| `{word}` | {row['input']} | {row['time']} | {asked} | {row['measure']}{better} | {oracle}: {REFERENCE[word]} | "
            f"{chance} | {source.title} | {source.licence} |"
        )
    return "\n".join(rows)


def arena() -> str:
    """Steps of animals per second in the arena and in a loop."""
    rates = _benchmark("arena")["steps of an animal per CPU second"]
    rows = ["| 1,024 animals | steps of an animal per CPU second |", "|---|---:|"]
    return "\n".join(
        [*rows, *(f"| {name.replace('1 worlds', 'one world')} | {rate:,} |" for name, rate in rates.items())]
    )


def _benchmark(name: str) -> dict:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def _machine(result: dict) -> str:
    machine = result["machine"]
    return f"{machine['processor']}, torch {machine['versions']['torch'].split('+')[0]}"
