"""What becomes of a claim where the bare interface gets as far as the wiring: records made by hand, verdicts known."""

import numpy as np
import pytest

from anlage.learning import Recipe
from anlage.study.judge import bare, judge
from anlage.study.question import Comparison, Question
from anlage.study.trial import CONNECTOME, Record
from anlage.topology import DegreePreserving, InterfaceOnly, PermuteWeights

CONTROLS = DegreePreserving(), PermuteWeights(), InterfaceOnly()


def records(**level: float) -> list[Record]:
    """Twenty trials per arm that scatter by 0.01 around a prediction error."""
    rng = np.random.default_rng(0)
    return [
        {
            "arm": arm,
            "index": index,
            "graph": f"{arm} {index}",
            "audit": {"neurons": 5},
            "versions": {},
            "chance_accuracy": 0.1,
            "curve": [{"prediction_error": 0.9}, {"prediction_error": mean + 0.01 * rng.standard_normal()}],
        }
        for arm, mean in zip((CONNECTOME, *(control.name for control in CONTROLS)), level.values(), strict=True)
        for index in range(20)
    ]


def verdicts(margin: float = 0.0, **level: float) -> dict[str, tuple[str, str]]:
    comparison = Comparison(CONTROLS, outcomes=("prediction_error",), margin=(margin,))
    found = judge(Question(Recipe(name="x"), comparison), records(**level))
    return {contrast.control: (contrast.verdict, contrast.reason) for contrast in found}


def test_where_the_wiring_beats_the_bare_interface_every_verdict_stands() -> None:
    found = verdicts(0.1, wiring=0.3, rewired=0.5, permuted=0.3, bare=0.6)
    assert found == {
        "degree-preserving": ("better", ""),
        "weight-permuted": ("equivalent", ""),
        "interface-only": ("better", ""),
    }


@pytest.mark.parametrize(("level", "verdict"), [(0.3, "no difference found"), (0.1, "worse")])
def test_where_the_bare_interface_gets_as_far_nothing_speaks_for_the_wiring(level: float, verdict: str) -> None:
    found = verdicts(wiring=0.3, rewired=0.5, permuted=0.3, bare=level)
    assert found["degree-preserving"] == ("undecided", "wiring not used")
    assert found["interface-only"][0] == verdict
    assert found["weight-permuted"] == ("no difference found", "")


def test_no_control_is_called_as_good_on_an_outcome_that_does_not_use_the_wiring() -> None:
    found = verdicts(0.1, wiring=0.3, rewired=0.3, permuted=0.5, bare=0.3)
    assert found["degree-preserving"] == ("undecided", "wiring not used")
    assert found["interface-only"] == ("equivalent", "")


def test_what_speaks_against_the_wiring_needs_no_interface_to_stand() -> None:
    assert verdicts(wiring=0.5, rewired=0.3, permuted=0.5, bare=0.5)["degree-preserving"] == ("worse", "")


def test_an_undecided_interface_raises_no_doubt() -> None:
    comparison = Comparison(CONTROLS, outcomes=("prediction_error",))
    few = [
        {**r, "graph": r["arm"]} if r["arm"] == InterfaceOnly.name else r
        for r in records(wiring=0.3, rewired=0.5, permuted=0.3, bare=0.3)
    ]
    found = judge(Question(Recipe(name="x"), comparison), few)
    assert bare(found) is None
    assert [c.verdict for c in found] == ["better", "no difference found", "undecided"]


def test_a_new_default_is_another_question_and_one_that_names_the_old_controls_keeps_its_identity() -> None:
    recipe = Recipe(name="x")
    named = Question(recipe, Comparison((DegreePreserving(), PermuteWeights())))
    # As identities were before interface-only came to the usual controls.
    assert named.identity == "eaae080f6bb9c433"
    assert Question(recipe, Comparison()).identity != named.identity
