"""What ``question.toml`` declares: the boards, the arms, and how an arm plays."""

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from anlage.experience.chess_moves import ChessMoves, pieces  # noqa: E402
from anlage.experience.chess_search import Lookahead, look_ahead  # noqa: E402
from anlage.experience.chess_value import SURE, games, read_action_values  # noqa: E402
from anlage.experience.problem import Problem  # noqa: E402
from anlage.experience.reference import by_ridge  # noqa: E402
from anlage.learning.assay import Assay, born  # noqa: E402
from anlage.learning.readout import Gradient  # noqa: E402
from anlage.learning.recipe import Blueprint, PortChoice  # noqa: E402
from anlage.network import Leaky, Physiology, RecurrentNetwork, budget, scale  # noqa: E402
from anlage.network.perceptron import PerceptronDesign  # noqa: E402
from anlage.seed import Seed  # noqa: E402
from anlage.topology import (  # noqa: E402
    DegreePreserving,
    ErdosRenyi,
    InterfaceOnly,
    PermuteWeights,
    Topology,
    audit,
    control_graph,
)

TEXT = (HERE / "question.toml").read_bytes()
QUESTION = tomllib.loads(TEXT.decode())
IDENTITY = sha256(TEXT).hexdigest()[:16]
ROOT = Seed(QUESTION["seed"])
IN, OUT = (tuple(QUESTION["ports"][name]) for name in ("input", "output"))
CONTROLS = {c.name: c for c in (DegreePreserving(), PermuteWeights(), ErdosRenyi(), InterfaceOnly(IN, OUT))}
PLIES = (1, 2)
STEPS = 2
AT_ONCE = 2048

Judge = Callable[[np.ndarray], np.ndarray]
"""Boards as they are encoded -> the value of each for its side to move."""


class Examination:
    """The held-out positions: all lines from them, and what the engine says of every move. Laid out once for all arms."""

    @cached_property
    def problem(self) -> Problem:
        """The boards to learn from, and those that the value is asked of."""
        return ChessMoves(**QUESTION["task"]).open(ROOT.child("task").rng())

    @cached_property
    def positions(self) -> dict[str, list[str]]:
        """``drawn``: positions of the games held out; ``mates``: all of these in which the engine saw a mate to give."""
        game = games(list(self.table))
        # The same first draw as that of the task, which holds these games out.
        held_out = np.isin(
            game, ROOT.child("task").rng().permutation(game.max() + 1)[: QUESTION["task"]["n_test_games"]]
        )
        known = np.array(list(self.table))[held_out].tolist()
        drawn = ROOT.child("positions").rng().permutation(len(known))[: QUESTION["positions"]]
        mates = [fen for fen in known if max(self.table[fen].values()) > MATED]
        return {"drawn": [known[row] for row in sorted(drawn)], "mates": mates}

    @cached_property
    def table(self) -> Mapping[str, Mapping[str, int]]:
        """What the engine says."""
        return read_action_values()

    @cached_property
    def lines(self) -> dict[tuple[str, int], Lookahead]:
        """Every line, by the set of positions and the depth."""
        return {(name, plies): look_ahead(fens, plies) for name, fens in self.positions.items() for plies in PLIES}

    def play(self, judge: Judge) -> dict[str, float]:
        """How somebody who judges boards so chooses moves."""
        found: dict[str, float] = {}
        for (name, plies), lines in self.lines.items():
            worth = lines.worth(judge(lines.boards))
            engine = [
                np.array([self.table[fen][move] for move in moves])
                for fen, moves in zip(self.positions[name], lines.moves, strict=True)
            ]
            if name == "mates":
                found[f"mates {plies}"] = share(worth, [(one > MATED).astype(float) for one in engine])
                continue
            cut = [np.clip(one, -QUESTION["cut_off"], QUESTION["cut_off"]) for one in engine]
            found[f"regret {plies}"] = share(worth, [(one.max() - one).astype(float) for one in cut])
            found[f"agreement {plies}"] = share(worth, [(one == one.max()).astype(float) for one in engine])
            if plies == 1:
                found["order of moves"] = float(np.mean([ranked(*pair) for pair in zip(worth, engine, strict=True)]))
        return found


MATED = 30_000
"""A score above this is a mate in 32,000 less the score moves."""


def share(worth: list[np.ndarray], of: list[np.ndarray]) -> float:
    """Mean over positions of what the chosen move brings; moves of equal worth share the choice."""
    return float(np.mean([brought[own == own.max()].mean() for own, brought in zip(worth, of, strict=True)]))


def ranked(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation, 0 where one of both says the same of everything."""
    return 0.0 if np.ptp(one) == 0 or np.ptp(other) == 0 else float(spearmanr(one, other).statistic)


def judged_by(network: nn.Module) -> Judge:
    """Ask a network, which sees every board for one moment."""

    def judge(boards: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = [
                network.unroll(rows[:, None].float())[1] for rows in torch.split(torch.from_numpy(boards), AT_ONCE)
            ]
        return torch.cat(parts)[:, 0, 0].double().numpy()

    return judge


def by_pieces(problem: Problem) -> Judge:
    """The reference of the task: a ridge regression on the numbers of pieces."""
    seen, value = problem.train[:, 0].numpy().astype(np.int8), problem.train_answer[:, 0].double().numpy()
    advantage = np.arctanh(np.clip(value, -SURE, SURE))
    return lambda boards: np.tanh(by_ridge(pieces(seen), advantage, pieces(boards)))[:, 0]


class TwoSteps(nn.Module):
    """A recurrent network at T = 2 after one pulse: rectified input neurons, and their edges onto output neurons.

    It holds the ports of ``whole`` themselves, so that training one trains both.
    """

    def __init__(self, whole: RecurrentNetwork, topology: Topology) -> None:
        super().__init__()
        self.into, self.out = whole.ports.into, whole.ports.out
        block = topology.csr()[topology.group(OUT)][:, topology.group(IN)]
        self.register_buffer("block", torch.from_numpy(block.toarray()).float())

    def unroll(self, boards: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Activity and answer at the second step; shapes ``(sample, 1, member)`` and ``(sample, 1, 1)``."""
        activity = torch.relu(torch.relu(self.into(boards)) @ self.block.T)
        return activity, self.out(activity)


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One network, ready to be trained, and what it is made of; the ``whole`` that it is a part of, where there is a wiring."""

    network: nn.Module
    whole: RecurrentNetwork | None
    graph: str
    edges: int


def recipe(seed: Seed) -> Assay:
    """What all arms have in common."""
    return Assay(
        name="bpu-chess",
        topology=Blueprint(**{k: tuple(v) if isinstance(v, list) else v for k, v in QUESTION["topology"].items()}),
        ports=PortChoice(IN, OUT),
        physiology=Physiology(plasticity="frozen", ticks=1, dynamics=Leaky(leak=1.0, activation="relu")),
        spectral_radius=QUESTION["spectral_radius"],
        task=ChessMoves(**QUESTION["task"]),
        readout=Gradient(**QUESTION["readout"]),
        seed=seed.integer,
    )


def arm(name: str, index: int, larva: Topology, problem: Problem) -> Arm:
    """An arm with the interface of its index: graph ``i`` of every control has that of trial ``i`` of the connectome."""
    seed, graph = ROOT.child("trial").child(index), larva
    if name in CONTROLS:
        graph = control_graph(CONTROLS[name], larva, ROOT.child("control").child(name).child(index).rng())[0]
    scaled = scale(graph, QUESTION["spectral_radius"])[0]
    whole = born(recipe(seed), scaled, problem, seed)
    if name == "encoder-only":
        generator = torch.Generator().manual_seed(seed.child(name).integer)
        network = PerceptronDesign(layers=1).build(problem.train.shape[-1], 1, budget(None, whole), generator)
        return Arm(network, None, "none", 0)
    reach = audit(scaled, IN, OUT, steps=STEPS, drive="pulse")
    return Arm(TwoSteps(whole, scaled), whole, graph.fingerprint, reach.n_edges)


def demand_same(made: Arm, boards: np.ndarray) -> None:
    """Stop where the part that can matter does not answer as the whole network does, shown a pulse and then nothing."""
    if made.whole is None:
        return
    shown = torch.zeros(len(boards), STEPS, boards.shape[1])
    shown[:, 0] = torch.from_numpy(boards)
    with torch.no_grad():
        whole = made.whole.unroll(shown)[1][:, -1, 0].double().numpy()
    if not np.allclose(whole, judged_by(made.network)(boards), rtol=1e-4, atol=1e-5):
        sys.exit("What can matter at T = 2 answers otherwise than the whole network; one of them is wrong.")
