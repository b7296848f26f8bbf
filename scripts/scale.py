"""The model behind docs/scale.md: what a wiring costs on several devices, checked where it can be, then a mouse brain."""

import json
import math
from dataclasses import dataclass

from anlage.network.partition import expected_halo
from tables import ROOT

HEADER = 144
"""Bytes around every message of gloo over TCP, found by measuring: 3 headers of 48 bytes."""


@dataclass(frozen=True)
class Assumption:
    """A named number that nobody measured here."""

    value: float
    unit: str
    meaning: str
    source: str


ASSUMED = {
    "NEURONS": Assumption(
        7e7, "", "neurons of a mouse brain", "7.1e7 in Herculano-Houzel, Mota & Lent 2006, PNAS 103:12138"
    ),
    "SYNAPSES": Assumption(
        1e11,
        "",
        "synapses of a mouse brain",
        "a round number; they fill 140 mm³ at the 7e8 per mm³ of cortex (Braitenberg & Schüz 1998)",
    ),
    "SYNAPSES_PER_EDGE": Assumption(
        1, "", "synapses that one edge stands for", "choice, the dearest; larger is cheaper"
    ),
    "TICK": Assumption(1e-3, "s", "time that one tick stands for", "choice; membranes take about ten of these"),
    "BATCH": Assumption(1, "", "sequences at once", "choice: one animal"),
    "MEMORY": Assumption(80e9, "B", "memory of a device", "NVIDIA H100 SXM, data sheet"),
    "MEMORY_USED": Assumption(0.8, "", "share of it for the wiring", "choice; the rest is activity and the runtime"),
    "MEMORY_SPEED": Assumption(3.35e12, "B/s", "memory bandwidth of a device", "NVIDIA H100 SXM, data sheet; a peak"),
    "LINK_SPEED": Assumption(
        50e9,
        "B/s",
        "network bandwidth of a device, each way",
        "400 Gb/s InfiniBand, one port per device, as in DGX H100; a peak",
    ),
    "GATHER": Assumption(
        32,
        "B",
        "most memory traffic to look up one number",
        "one sector of a CUDA device (CUDA Best Practices Guide); least: 0",
    ),
}

INDEX = {"pre": 4, "post by pre": 4, "order by pre": 4, "number in the topology": 8}
HELD = sum(INDEX.values()) + sum({"weight": 4, "sign": 4}.values())
LEARNING = HELD + sum(
    {"|weight|": 4, "effective weight": 4, "the same by pre": 4, "gradient": 4, "Adam's two means": 8}.values()
)
LEAN = sum({"pre": 4, "weight": 4}.values())
"""Bytes per edge: as a shard holds it; while signed weights learn with Adam; as one direction alone would need it."""
LARGEST = 2**31 - 1
"""Edges that fit into one part of a shard, whose row starts are 32-bit numbers."""
RANKS = (64, 128, 256, 512, 1024)
SHARES = {"owners drawn at random": None, "half of the edges cross": 0.5, "a tenth crosses": 0.1}


def of(name: str) -> float:
    """The value of an assumption."""
    return ASSUMED[name].value


def assumptions() -> str:
    """Every assumption by name."""
    rows = ["| name | value | meaning | source |", "|---|---:|---|---|"]
    rows += [
        f"| `{n}` | {f'{_short(a.value)} {a.unit}'.strip()} | {a.meaning} | {a.source} |" for n, a in ASSUMED.items()
    ]
    return "\n".join(rows)


def checked() -> str:
    """Traffic and memory, measured and by formula, all ranks together."""
    rows = [
        "| wiring | ranks | edges that cross | neurons heard | bytes per tick, formula | sent forward | sent backward "
        "| held, formula | held |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, parts in _runs():
        ticks = _results()["ticks"]
        headers = HEADER * sum(p["messages"] for p in parts)
        columns = [sum(p["forward_bytes_predicted"] for p in parts) / ticks]
        columns += [(sum(p[f"{way}_bytes"] for p in parts) - headers) / ticks for way in ("forward", "backward")]
        columns += [sum(p[key] for p in parts) for key in ("held_bytes_predicted", "held_bytes")]
        rows.append(
            f"| {name} | {len(parts)} | {parts[0]['share']:.1%} | {parts[0]['halo_of_all']:,} | "
            f"{' | '.join(f'{c:,.0f}' for c in columns)} |"
        )
    return "\n".join(rows)


def exact() -> str:
    """Whether every rank sent and held exactly what was predicted, in one sentence."""
    parts = [p for _, parts in _runs() for p in parts]
    bytes_off = [
        p[f"{way}_bytes"] - p[f"{way}_bytes_predicted"] - HEADER * p["messages"]
        for p in parts
        for way in ("forward", "backward")
    ]
    held_off = [p["held_bytes"] - p["held_bytes_predicted"] for p in parts]
    return (
        f"Over {len(parts)} ranks of {len(_runs())} runs, the largest difference between measured and predicted is "
        f"{max(map(abs, bytes_off))} bytes sent and {max(map(abs, held_off))} bytes held."
    )


def times() -> str:
    """Milliseconds of the rank that needs most."""
    columns = {
        "products": ("products", "cpu_ms"),
        "exchange": ("exchange", "cpu_ms"),
        "tick": ("tick", "cpu_ms"),
        "tick and gradient": ("tick_and_gradient", "cpu_ms"),
        "tick, wall": ("tick", "wall_ms"),
    }
    rows = [f"| wiring | ranks | largest share of edges | {' | '.join(f'{c}, ms' for c in columns)} |"]
    rows.append("|---|" + "---:|" * (2 + len(columns)))
    for name, parts in _runs():
        share = max(p["near"] + p["far"] for p in parts) / parts[0]["edges"]
        worst = [max(p[what][clock] for p in parts) for what, clock in columns.values()]
        rows.append(f"| {name} | {len(parts)} | {share:.0%} | {' | '.join(f'{w:.2f}' for w in worst)} |")
    return "\n".join(rows)


def machine() -> str:
    """What the measurements ran on."""
    r = _results()
    machine = r["machine"]
    return (
        f"batch {r['batch']}, {r['ticks']} ticks, one thread per rank, {r['cores']} cores ({machine['processor']}; torch "
        f"{machine['versions']['torch'].split('+')[0]}, pymetis {r['pymetis']}), shared with other work: {r['load']} processes "
        f"waited for them when the run began"
    )


def halos() -> str:
    """Neurons heard, found and expected from the share of edges that crosses."""
    rows = [
        "| wiring | ranks | edges that cross | heard, counted | heard if edges went anywhere | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, parts in _runs():
        p = parts[0]
        if len(parts) > 1:
            ratio = p["halo_of_all"] / p["expected_halo_of_all"]
            rows.append(
                f"| {name} | {len(parts)} | {p['share']:.1%} | {p['halo_of_all']:,} | {p['expected_halo_of_all']:,} "
                f"| {ratio:.2f} |"
            )
    return "\n".join(rows)


def memory() -> str:
    """Devices that hold a mouse brain, for each way of holding an edge."""
    edges, room = of("SYNAPSES") / of("SYNAPSES_PER_EDGE"), of("MEMORY") * of("MEMORY_USED")
    rows = ["| an edge held | bytes per edge | all edges | devices that hold them |", "|---|---:|---:|---:|"]
    for what, size in (
        ("for one direction only: index and weight (not written here)", LEAN),
        ("as here, frozen or between updates", HELD),
        ("as here, signed and learning with Adam", LEARNING),
    ):
        rows.append(f"| {what} | {size} | {edges * size / 1e12:.1f} TB | {math.ceil(edges * size / room)} |")
    least = math.ceil(edges / LARGEST)
    rows.append(
        f"\nRow starts of 32 bits allow {LARGEST:,} near and as many far edges per rank: at least {least} ranks if all were near."
    )
    return "\n".join(rows)


def mouse() -> str:
    """What one tick of a mouse brain costs on that many devices, and how much slower than life it is."""
    rows = [
        "| cut | devices | neurons heard by one | received per tick | bandwidth for real time | multiply, ms | send, ms "
        "| times slower than life |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    n, edges = int(of("NEURONS")), int(of("SYNAPSES") / of("SYNAPSES_PER_EDGE"))
    for cut, fixed in SHARES.items():
        for ranks in RANKS:
            share = 1 - 1 / ranks if fixed is None else fixed
            heard = expected_halo(n, edges, ranks, share) / ranks
            received = heard * 4 * of("BATCH")
            send = received / of("LINK_SPEED")
            bounds = []
            for gather in (0, of("GATHER") * of("BATCH")):
                multiply = edges / ranks * (LEAN + gather) / of("MEMORY_SPEED")
                # Near edges are multiplied while activity travels, far ones after it has come.
                bounds.append((multiply, max((1 - share) * multiply, send) + share * multiply))
            (least, fast), (most, slow) = bounds
            cells = [
                _short(float(f"{heard:.1e}")),
                f"{received / 1e6:.0f} MB",
                f"{received / of('TICK') / 1e9:.0f} GB/s",
                f"{1e3 * least:.2f} to {1e3 * most:.1f}",
                f"{1e3 * send:.1f}",
                f"{fast / of('TICK'):.1f} to {slow / of('TICK'):.1f}",
            ]
            rows.append(f"| {cut} | {ranks} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _results() -> dict:
    return json.loads((ROOT / "benchmarks" / "results" / "distributed.json").read_text())


def _runs() -> list[tuple[str, list[dict]]]:
    return [(name, parts) for name, runs in _results()["graphs"].items() for parts in runs]


def _short(value: float) -> str:
    return f"{value:g}".replace("e+", "e").replace("e0", "e")
