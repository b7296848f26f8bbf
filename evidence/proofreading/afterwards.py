"""Looked at after the results were known: how dense a graph is, and what leaving out weak edges, which costs no edit, does.

``python evidence/proofreading/afterwards.py`` writes ``results/<animal>--afterwards.json``. Nothing here enters a verdict.
"""

import sys

import torch
from proofreading_tasks import wired
from run import ANIMALS, RESULTS, Bench, model_of, read_question, versions
from threadpoolctl import threadpool_limits

from anlage.errors import AnlageError
from anlage.learning.checkpoint import read_json, write_json
from anlage.seed import Seed
from anlage.topology import DegreePreserving, control_graph

LEVELS, LEAST = ("3", "5"), (2, 3, 5)


def main() -> None:
    """Score truth and reconstructions of two levels without their weakest edges, and rewires of these reconstructions."""
    torch.set_num_threads(1)
    question, identity = read_question()
    with threadpool_limits(1):
        for animal in ANIMALS:
            path = RESULTS / f"{animal}--afterwards.json"
            if read_json(path, lambda r: r.get("question") == identity) is not None:
                continue
            bench, scores = Bench.of(question, animal), {}
            for least in LEAST:
                scores[f"truth-{least}"] = [bench.perform(wired(question, bench.brain, least=least))]
            for level in LEVELS:
                model, seed = model_of(question, level), Seed(question["seed"]).child(animal).child(f"level-{level}")
                made = [model(bench.brain, seed.child(i).rng())[0] for i in range(question["draws"])]
                for least in LEAST:
                    scores[f"{level}-{least}"] = [bench.perform(wired(question, one, least=least)) for one in made]
                scores[f"{level}-rewired"] = [
                    bench.perform(
                        control_graph(DegreePreserving(), wired(question, one), seed.child(f"rewired-{i}").rng())[0]
                    )
                    for i, one in enumerate(made)
                ]
            write_json(path, {"question": identity, "versions": versions(), "animal": animal, "scores": scores})
            print(f"{animal}: done", flush=True)


if __name__ == "__main__":
    try:
        main()
    except AnlageError as error:
        sys.exit(str(error))
