"""Break the code on purpose, one line at a time, and demand that the tests notice.

    python scripts/mutants.py

Each mutant is written into the sources and taken out again; the named tests, green before, must fail on it. A survivor is a
hole in the tests.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mutant:
    """One line of one file, and the tests that must notice."""

    file: str
    line: str
    broken: str
    tests: str


FETCH_TESTS, COLUMN_TESTS, RELEASE_TESTS, CENSUS_TESTS = (
    f"tests/unit/connectome/test_{name}.py" for name in ("fetch", "columns", "releases", "census")
)
SCAN_TESTS, VOLUME_TESTS, RECOVERY_TESTS = (
    f"tests/unit/connectome/test_{name}.py" for name in ("segment", "volume", "recovery")
)
CONTROL, LADDER, PERMUTE = (
    f"tests/{name}.py"
    for name in ("contract/test_control", "unit/topology/test_ladder", "unit/topology/test_permute_and_ablate")
)
ERROR = "tests/unit/connectome/test_error.py"
MADE, RECORDED, MEASURES = (
    f"tests/unit/experience/test_{name}.py" for name in ("made_tasks", "recorded_tasks", "measure")
)
KERNEL, UNROLL = "tests/unit/network/test_kernel.py", "tests/unit/network/test_synapse.py"
CHESS = "tests/unit/experience/test_chess.py"
COMPANY, SWIMMING = "tests/unit/experience/test_paired.py", "tests/unit/experience/test_swimming.py"
FILMS = "tests/unit/experience/test_video.py"
MIND, NIGHTS = "tests/unit/mind/test_mind.py", "tests/unit/mind/test_grow_mind.py"
RETENTION, TURN = (f"tests/unit/learning/test_{name}.py" for name in ("retention", "in_turn"))
PPO, ADVANTAGE, LIVES = (
    f"tests/unit/{name}.py" for name in ("learning/test_ppo", "learning/test_advantage", "experience/test_world")
)
MUTANTS = (
    Mutant("learning/retention.py", "[:-1].max(0) - matrix[-1]", ".max(0) - matrix[-1]", RETENTION),
    Mutant("learning/retention.py", ".diagonal(1) - untrained[1:]", ".diagonal(1) - untrained[:-1]", RETENTION),
    Mutant(
        "learning/retention.py",
        "matrix[-1] - _several(matrix, 2).diagonal())[:-1]",
        "matrix[-1] - _several(matrix, 2).max(0))[:-1]",
        RETENTION,
    ),
    Mutant("learning/retention.py", "row[: i + 1].mean()", "row.mean()", RETENTION),
    Mutant("learning/in_turn.py", "log_one.detach().exp() * part.square()", "part.square()", TURN),
    Mutant("learning/in_turn.py", "self.stood, self.mattered", "self.mattered, self.stood", TURN),
    Mutant("learning/in_turn.py", "readout.memory // (len(self.sequences) + 1)", "readout.memory", TURN),
    Mutant(
        "learning/in_turn.py",
        'if readout.learner == "joint" else lessons',
        'if readout.learner == "none" else lessons',
        TURN,
    ),
    Mutant("learning/lesson.py", "answer[rows][..., classes]", "answer[rows][..., classes.sort()[0]]", TURN),
    Mutant(
        "learning/advantage.py",
        "carried = discount * trace * ~ended",
        "carried = discount * trace * (ended | True)",
        ADVANTAGE,
    ),
    Mutant("learning/gaussian.py", "log = log - _log_slope(intent)", "pass", "tests/unit/learning/test_gaussian.py"),
    Mutant("learning/rollout.py", "np.where(log.terminated, 0.0, value[1:])", "value[1:].copy()", PPO),
    Mutant("learning/rollout.py", "following[log.truncated] = last", "_ = last", PPO),
    Mutant("learning/rollout.py", "self._begins = ended | (", "self._begins = (", PPO),
    Mutant("learning/ppo.py", "torch.minimum(ratio * advantage, near * advantage)", "ratio * advantage", PPO),
    Mutant("learning/policy.py", "fresh, now)", "now, now)", PPO),
    Mutant("experience/world.py", "truncated, total = ~terminated & (", "truncated, total = (", LIVES),
    Mutant("learning/imitate.py", "array[lived] for", "array for", "tests/unit/learning/test_imitate.py"),
    Mutant(
        "learning/imitate.py", "[(0, 0), (0, short),", "[(0, 0), (short, 0),", "tests/unit/learning/test_imitate.py"
    ),
    Mutant(
        "learning/imitate.py",
        "return (wrong * real).sum() / real.sum()",
        "return wrong.mean()",
        "tests/unit/learning/test_imitate.py",
    ),
    Mutant("experience/measure.py", "(n - 1) / (n - 2))[varies]", "1)[varies]", MEASURES),
    Mutant("experience/narma.py", "1.5 * u[:, t]", "1.5 * u[:, t + 1]", MADE),
    Mutant("experience/mackey_glass.py", "if now - lag + 1 > lag else 0.0", "", MADE),
    Mutant("experience/three_body.py", "1 - 2 * YOSHIDA, YOSHIDA", "1 - 2 * YOSHIDA, 0.0", MADE),
    Mutant("experience/odour.py", "** dose[..., None]", "* dose[..., None]", RECORDED),
    Mutant(
        "experience/chess_value.py", "rank.swapcase() for rank in ranks[::-1]", "rank for rank in ranks[::-1]", RECORDED
    ),
    Mutant("experience/chess_board.py", "bits[:, 12, [7, 0, 63, 56]]", "bits[:, 12, [0, 7, 56, 63]]", CHESS),
    Mutant("experience/chess_search.py", "turned = -1 if self.plies == 1 else 1", "turned = 1", CHESS),
    Mutant("experience/chess_search.py", "np.minimum.reduceat", "np.maximum.reduceat", CHESS),
    Mutant("experience/chess_moves.py", "        if found not in known:\n", "        if True:\n", CHESS),
    Mutant("experience/few_shot.py", "characters[asked[episode]], drawing", "characters[0], drawing", RECORDED),
    Mutant("mind/mind.py", '"shuffled": said.roll(1, 0)', '"shuffled": said', MIND),
    Mutant("mind/mind.py", "torch.cat([embedding, prediction], 1)", "torch.cat([prediction, embedding], 1)", MIND),
    Mutant("mind/workspace.py", 'error[name] / self.get_buffer(f"usual_{name}")', "error[name]", MIND),
    Mutant("mind/workspace.py", "gate[:, i, None] * (", "(", MIND),
    Mutant("mind/area.py", 'self.seed.child("night").child(night)', 'self.seed.child("night")', MIND),
    Mutant("mind/grow.py", "learners and all(", "learners and any(", NIGHTS),
    Mutant("mind/workspace.py", "{**kept, **own}", "dict(own)", NIGHTS),
    Mutant("mind/grow.py", "_forget(folder, nights - 1, learners)", "pass", NIGHTS),
    Mutant("experience/company.py", "(own == number) | (own < 0)", "own > -2", COMPANY),
    Mutant("experience/swimming.py", "done += action / swimming.every", "done += bend / swimming.every", SWIMMING),
    Mutant(
        "experience/video.py", "(sequences[:learned], sequences[learned:])", "(sequences[:-1], sequences[-1:])", FILMS
    ),
    Mutant("experience/video.py", "[np.zeros(round(n_samples)), sound,", "[sound,", FILMS),
    Mutant("experience/moving_digits.py", "at = round((wall", "at = 500 + round((wall", FILMS),
    Mutant("experience/watched.py", "-sense.offset / sense.spread)", "0.0)", FILMS),
    Mutant("experience/swimming.py", "felt, done = bend,", "felt, done = bend * 0,", SWIMMING),
    Mutant(
        "network/port.py",
        "wired[sure, torch.arange(n_context)] = True",
        "pass",
        "tests/unit/network/test_context_port.py",
    ),
    Mutant("topology/rewire.py", "turn = rng.integers(size,", "turn = rng.integers(1, size,", "tests/unit/topology"),
    Mutant("topology/rewire.py", "3 if number % 5 == 4 else 2", "2", "tests/unit/topology"),
    Mutant(
        "topology/permute.py",
        "for rows in (np.flatnonzero(weight > 0), np.flatnonzero(weight < 0)):",
        "for rows in (np.arange(len(weight)),):",
        "tests/contract",
    ),
    Mutant("topology/quantity.py", "- 3 * t300", "- 2 * t300", "tests/unit/topology"),
    Mutant("topology/audit.py", "length = steps - 1", "length = steps", "tests/unit/topology"),
    Mutant("topology/tie.py", "use = ~loop & (~mutual | first)", "use = ~loop", "tests/unit/topology/test_expand.py"),
    Mutant("topology/tie.py", "rows = rows[fixed[rows] >= n]", "rows = rows", "tests/unit/topology/test_expand.py"),
    Mutant("topology/resized.py", "rank(count) % size[number]", "0", "tests/unit/topology/test_expand.py"),
    Mutant("topology/expectation.py", "among = np.outer", "among = 0 * np.outer", "tests/unit/topology/test_expand.py"),
    Mutant(
        "topology/rewire.py",
        "weight = np.concatenate([topology.weight[loops], rng.permutation(",
        "weight = np.concatenate([topology.weight[loops], 2 * rng.permutation(",
        CONTROL,
    ),
    Mutant("topology/rewire.py", "go = possible & ~_conflicts(", "go = possible | ~_conflicts(", CONTROL),
    Mutant(
        "topology/rewire.py", "* (len(self.blocks) + 1) + block[topology.pre]", "* 0 + block[topology.pre]", CONTROL
    ),
    Mutant(
        "topology/reciprocity.py",
        "np.minimum(one, other) * n + np.maximum(one, other)",
        "one * n + other",
        LADDER,
    ),
    Mutant("topology/space.py", "(before == after).all(axis=1)", "(before == after).any(axis=1)", LADDER),
    Mutant("topology/strength.py", "excess[at + part[one]] += gain", "excess[at + part[one]] -= gain", LADDER),
    Mutant(
        "topology/strength.py",
        "(topology.weight < 0).astype(np.int64), self",
        "(topology.weight < 9).astype(np.int64), self",
        LADDER,
    ),
    Mutant("topology/community.py", "member[topology.post] * (int(", "member[topology.post] * 0 * (int(", LADDER),
    Mutant(
        "topology/permute.py",
        "weight = rng.permutation(topology.weight)",
        "weight = rng.choice(topology.weight, topology.n_edges)",
        CONTROL,
    ),
    Mutant(
        "topology/permute.py", "weight[rows] = weight[rows].mean()", "weight[rows] = np.sign(weight[rows])", CONTROL
    ),
    Mutant(
        "topology/permute.py",
        "np.abs(topology.weight) * rng.permutation(np.sign(",
        "rng.permutation(topology.weight) * 0 + np.sign((",
        CONTROL,
    ),
    Mutant(
        "topology/permute.py",
        "dealt[senders] = sign[rng.permutation(senders)]",
        "dealt[senders] = sign[rng.choice(senders, len(senders))]",
        CONTROL,
    ),
    Mutant(
        "topology/spectrum.py",
        "before, after = _frame(n, n, rng), _frame(n, n, rng)",
        "before, after = _frame(n, n, rng), rng.standard_normal((n, n)) / np.sqrt(n)",
        LADDER,
    ),
    Mutant("topology/spectrum.py", "square = np.append(np.ones(m), x)", "square = np.append(np.ones(m), 1.0)", LADDER),
    Mutant(
        "topology/spectrum.py",
        "Step(self.name), pre[topology.pre], post[topology.post], topology.weight",
        "Step(self.name), pre[topology.pre], post[topology.post], rng.permutation(topology.weight)",
        CONTROL,
    ),
    Mutant("topology/ablate.py", "stay = ~cyclic", "stay = ~(cyclic & (topology.pre < topology.post))", CONTROL),
    Mutant(
        "topology/ablate.py",
        "weight *= np.linalg.norm(topology.weight) / np.linalg.norm(weight)",
        "weight *= 1.0",
        CONTROL,
    ),
    Mutant(
        "topology/ablate.py",
        "np.resize(rng.permutation(into), n_wires), np.resize(rng.permutation(out), n_wires)",
        "np.resize(rng.permutation(into), n_wires), np.resize(rng.permutation(topology.n_neurons), n_wires)",
        CONTROL,
    ),
    Mutant(
        "topology/control.py",
        'findings.append(Finding(quantity.name, "removes", float(quantity(after))))',
        "pass",
        CONTROL,
    ),
    Mutant(
        "study/judge.py",
        'c.verdict not in ("better", "undecided")',
        'c.verdict == "worse"',
        "tests/unit/study/test_judge.py",
    ),
    Mutant("topology/build.py", "both_ways = use &", "both_ways = np.zeros_like(use) &", "tests/unit/topology"),
    Mutant("topology/control.py", '(self.changed == 0) == (self.declared != "destroys")', "True", "tests/contract"),
    Mutant(
        "network/unroll.py", "self.to_state * (1 - self.course.dynamics.leak)", "self.to_state", "tests/unit/network"
    ),
    Mutant(
        "topology/divide.py",
        "(share > 0) & (share >= crossing - 1e-12)",
        "share >= crossing",
        "tests/unit/topology/test_divide.py",
    ),
    Mutant("topology/between.py", "steps=self.hops + 1", "steps=self.hops", "tests/unit/topology/test_divide.py"),
    Mutant(
        "topology/between.py",
        "np.where(inside, 0, 1)",
        "1 - np.where(inside, 0, 1)",
        "tests/unit/topology/test_divide.py",
    ),
    Mutant("topology/function.py", "flow[sensory] = source[sensory]", "pass", "tests/unit/topology/test_divide.py"),
    Mutant(
        "topology/blockmodel.py",
        "(m.sum(axis=1) + b, a.sum() + loop)",
        "(m.sum(axis=1), a.sum() + loop)",
        "tests/unit/topology/test_structure.py",
    ),
    Mutant(
        "study/agreement.py",
        "np.lexsort((rng.random(len(b)), stratum))",
        "rng.permutation(len(b))",
        "tests/unit/study/test_agreement.py",
    ),
    Mutant(
        "network/recurrent.py", "return self.sign * self.weight.abs() if", "return self.weight if", "tests/unit/network"
    ),
    Mutant("objective/prediction.py", "target = following.detach()", "target = following", "tests/unit/objective"),
    Mutant("objective/collapse.py", "return 2 * len(sample)", "return len(sample)", "tests/unit/objective"),
    Mutant("study/statistics.py", "np.sqrt(1 + 1 / n)), n - 1))", "np.sqrt(1 / n)), n - 1))", "tests/unit/study"),
    Mutant("study/statistics.py", "inside / spread", "inside / spread * 2", "tests/unit/study/test_statistics.py"),
    Mutant("study/power.py", "np.sqrt(n_graphs + 1)", "np.sqrt(n_graphs)", "tests/unit/study/test_power.py"),
    Mutant("study/judge.py", 'audit"]["neurons', 'audit"]["edges', "tests/unit/study/test_run.py"),
    Mutant(
        "study/statistics.py", "(len(p) - np.arange(len(p)))", "len(p) / (1 + np.arange(len(p)))", "tests/unit/study"
    ),
    Mutant(
        "learning/grow.py", 'child("stream").child(step)', 'child("stream").child(step - first)', "tests/unit/learning"
    ),
    Mutant("learning/checkpoint.py", 'if header["identity"] != identity:', "if False:", "tests/unit/learning"),
    Mutant("connectome/store.py", "    if found != expected:", "    if False:", "tests/unit/connectome/test_store.py"),
    Mutant("connectome/error.py", "(1 - self.recall, size, self.bias)", "(1 - self.recall, size, 0.0)", ERROR),
    Mutant(
        "connectome/reconstruct.py",
        "body[connectome.pre[errors.false_edge]]",
        "connectome.pre[errors.false_edge]",
        ERROR,
    ),
    Mutant("connectome/proofread.py", "errors.fusion].min(axis=1)", "errors.fusion].max(axis=1)", ERROR),
    Mutant("network/kernel.py", "    return state.contiguous()", "    return state", "tests/unit/network"),
    Mutant("network/kernel.py", "segment if laid_out or", "segment if True or", "tests/unit/network/test_kernel.py"),
    Mutant("network/synapse.py", "if self._version != self._weight._version:", "if False:", "tests/unit/network"),
    Mutant("network/unroll.py", "(2 * n + math.ceil(total / n))", "(n + math.ceil(total / n))", "tests/unit/network"),
    Mutant(
        "network/unroll.py",
        "apart: int = self.course.horizon * self.course.ticks",
        "apart: int = self.course.horizon",
        UNROLL,
    ),
    Mutant("network/unroll.py", "course.ticks - first % course.ticks ::", "course.ticks - 1 ::", UNROLL),
    Mutant(
        "network/dynamics.py", "(self.first + i) // self.ticks - self.first // self.ticks", "i // self.ticks", KERNEL
    ),
    Mutant("network/kernel.py", "if when.begins(i) else 0", "if False else 0", KERNEL),
    Mutant("network/kernel.py", "apart or after, *how", "after, *how", KERNEL),
    Mutant("network/wiring.py", "edges_of += begin", "edges_of = begin", "tests/unit/network"),
    Mutant(
        "network/spiking.py",
        "self.reset = fires | held",
        "self.reset = fires",
        "tests/unit/network/test_spiking.py",
    ),
    Mutant(
        "network/spiking.py",
        "(each.masked_fill(reset[n], 0) for each in",
        "(each.clone() for each in",
        "tests/unit/network/test_spiking.py",
    ),
    Mutant(
        "network/volley.py",
        "post = post * batch + torch",
        "post = post * batch + 0 * torch",
        "tests/unit/network/test_spiking.py",
    ),
    Mutant("connectome/fetch.py", "part.unlink(missing_ok=True)  # what has", "pass  # what has", FETCH_TESTS),
    Mutant("connectome/fetch.py", "any_length=accept_changed", "any_length=False", FETCH_TESTS),
    Mutant("connectome/columns.py", "| (np.abs(values) > 2**53)", "", COLUMN_TESTS),
    Mutant("connectome/roster.py", "inside &= ids[rows] == end", "inside &= rows >= 0", RELEASE_TESTS),
    Mutant("connectome/roster.py", "column[first[place]], np", "column[place], np", RELEASE_TESTS),
    Mutant("connectome/male_cns.py", 'bodies["status"] == "Traced"', 'bodies["status"] != "Glia"', RELEASE_TESTS),
    Mutant("connectome/nerve_cord.py", "kept &= np.any(", "kept |= np.any(", RELEASE_TESTS),
    Mutant("connectome/flywire.py", "assumed=(typical != sign)[edges.pre]", "assumed=None", RELEASE_TESTS),
    Mutant("connectome/census.py", "gap &= connectome.pre != connectome.post", "gap &= True", CENSUS_TESTS),
    Mutant(
        "network/distributed.py",
        "to_state.index_add_(0, course.halo.send, exchange.wait())",
        "exchange.wait()",
        "tests/unit/network",
    ),
    Mutant(
        "network/halo.py", "return all_sum(gradient, ctx.group), None", "return gradient, None", "tests/unit/network"
    ),
    Mutant("network/gpu_kernel.py", "if part >= 0:", "if part >= 1:", "tests/unit/network/test_gpu.py"),
    Mutant(
        "network/gpu_kernel.py",
        "tl.store(result + edge,",
        "tl.atomic_add(result + edge,",
        "tests/unit/network/test_gpu.py",
    ),
    Mutant(
        "connectome/placed_edges.py",
        "edges.only(edges.pre <= edges.post) if",
        "edges if",
        "tests/unit/connectome/test_import_formats.py",
    ),
    Mutant(
        "connectome/given_edges.py",
        "contradicted = (edges.sign != 0) &",
        "contradicted = (edges.sign > 1) &",
        "tests/unit/connectome/test_import_defects.py",
    ),
    Mutant(
        "connectome/finding.py",
        "if needed := [",
        "if needed := [][:0] and [",
        "tests/unit/connectome/test_import_defects.py",
    ),
    Mutant("connectome/lookup.py", "(window != forbidden[row])", "(window != 0)", SCAN_TESTS),
    Mutant("connectome/lookup.py", "np.maximum(lower - place, place - lower - 1)", "abs(lower - place)", SCAN_TESTS),
    Mutant("connectome/lookup.py", "places[row, i], range(near[i]", "places[row, i], range(near[0]", SCAN_TESTS),
    Mutant("connectome/segment.py", "synapses.score >= rules", "synapses.score > rules", SCAN_TESTS),
    Mutant("connectome/segment.py", "pairs = pairs[apart <= distance_nm]", "pairs = pairs[apart <= 1e9]", SCAN_TESTS),
    Mutant("connectome/segment.py", "np.lexsort((rows, -score))", "np.lexsort((rows, score))", SCAN_TESTS),
    Mutant("connectome/segment.py", "        if not repeated[better[i]]:", "        if True:", SCAN_TESTS),
    Mutant("connectome/segment.py", "orphan[pre] | orphan[post]", "orphan[pre] & orphan[post]", SCAN_TESTS),
    Mutant("connectome/volume.py", "origin[list(order)] * size", "origin * size", VOLUME_TESTS),
    Mutant("connectome/volume.py", "stated = [stated[i] for i in order]", "stated = [*stated]", VOLUME_TESTS),
    Mutant("connectome/recovery.py", "if best_of_truth[t] == f}", "}", RECOVERY_TESTS),
    Mutant("connectome/recovery.py", "real = self.truth != 0\n", "real = self.truth >= 0\n", RECOVERY_TESTS),
    Mutant("connectome/membrane.py", "both > agree * larger", "both > 0 * larger", RECOVERY_TESTS),
    Mutant("connectome/membrane.py", "old[0] + t, old[1] + s", "t, s", RECOVERY_TESTS),
    Mutant("connectome/membrane.py", "waiting.pop((place, axis))", "waiting.pop((place, axis))[:0]", RECOVERY_TESTS),
    Mutant("network/crossing.py", "*pair, onto=total)", "*pair)", "tests/unit/network/test_kernel.py"),
)


def green(tests: str) -> bool:
    """Whether these tests pass on the sources as they are now."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
    return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


def survives(mutant: Mutant) -> bool:
    """Whether the tests stay green on the mutant; the file is put back whatever happens."""
    path = ROOT / "src" / "anlage" / mutant.file
    text = path.read_text()
    if text.count(mutant.line) != 1:
        raise SystemExit(
            f"{mutant.file} has the line {mutant.line!r} {text.count(mutant.line)} times; update the mutant."
        )
    try:
        path.write_text(text.replace(mutant.line, mutant.broken))
        return green(mutant.tests)
    finally:
        path.write_text(text)


def main() -> int:
    """Try every mutant; 1 when any survives."""
    for tests in sorted({mutant.tests for mutant in MUTANTS}):
        # Tests that are red anyway would catch everything.
        if not green(tests):
            raise SystemExit(f"{tests} fails without any mutant; mend that first.")
    survivors = 0
    for mutant in MUTANTS:
        alive = survives(mutant)
        survivors += alive
        print(f"{'SURVIVED' if alive else 'caught  '}  {mutant.file}: {mutant.line} -> {mutant.broken}", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} caught")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
