"""Answer ``question.toml`` into ``results/``; an interrupted run goes on where it was. About 20 minutes of one core.

Needs the larva, the chess positions and python-chess (extra ``chess``).
"""

from bpu_chess import (
    HERE,
    IDENTITY,
    QUESTION,
    ROOT,
    Examination,
    arm,
    by_pieces,
    demand_same,
    judged_by,
    ranked,
    recipe,
)

from anlage.learning.checkpoint import write_json
from anlage.learning.drill import drill
from anlage.topology import Topology
from ledger import Row, fill

RESULTS = HERE / "results"


def run_baselines(exam: Examination) -> None:
    """Players without a network: any legal move, and counting pieces."""
    judge, problem = by_pieces(exam.problem), exam.problem
    said = judge(problem.test[:, 0].numpy().astype("int8"))
    value = problem.test_answer[:, 0, 0].double().numpy()
    counted = {
        "value": problem.score(problem.test_answer.new_tensor(said[:, None, None]))["r2"],
        "rank": ranked(said, value),
    }
    known = {name: len(fens) for name, fens in exam.positions.items()}
    boards = {f"{name} {plies}": len(lines.boards) for (name, plies), lines in exam.lines.items()}
    found = {
        "counting pieces": counted | exam.play(judge),
        "any move": {"value": problem.chance, "rank": 0.0} | exam.play(lambda boards: 0.0 * boards[:, 0]),
    }
    sizes = {"positions": known, "boards": boards, "train": len(problem.train), "test": len(problem.test)}
    write_json(RESULTS / "baselines.json", {"question": IDENTITY, "players": found, **sizes})


def run_trials(exam: Examination, larva: Topology) -> None:
    """Every arm and graph; the file is written anew after each graph."""
    problem = exam.problem
    tested, value = problem.test[:, 0].numpy(), problem.test_answer[:, 0, 0].double().numpy()

    def make(name: str, index: int, _level: int) -> Row:
        seed = ROOT.child("trial").child(index)
        made = arm(name, index, larva, problem)
        curve = drill(made.network, problem, recipe(seed).readout, seed, None)  # type: ignore[arg-type]
        demand_same(made, tested[:64])
        judge = judged_by(made.network)
        print(f"{name} {index}", flush=True)
        return {
            "graph": made.graph,
            "edges": made.edges,
            "trained": sum(p.numel() for p in made.network.parameters() if p.requires_grad),
            "untrained": curve[0]["r2"],
            "loss": curve[-1]["loss"],
            "value": curve[-1]["r2"],
            "rank": ranked(judge(tested), value),
            **exam.play(judge),
        }

    for index in range(QUESTION["graphs"]):
        fill(
            RESULTS / "trials.json", IDENTITY, [(arm, i, 0) for i in range(index + 1) for arm in QUESTION["arms"]], make
        )


def main() -> None:
    """The players without a network, then every arm."""
    exam = Examination()
    run_baselines(exam)
    run_trials(exam, recipe(ROOT).topology.topology())


if __name__ == "__main__":
    main()
