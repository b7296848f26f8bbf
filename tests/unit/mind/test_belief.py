"""Beliefs over few states, held against inferactively-pymdp's figures, Bayes' rule by hand, and what curiosity is for."""

import json
from math import log
from pathlib import Path

import numpy as np
import pytest

from anlage.errors import RecipeError
from anlage.experience.tmaze import CENTRE, CUE, LEFT, RIGHT, TMaze
from anlage.mind.belief import DiscreteModel, anticipate, choose, foresee, perceive

ORACLE = json.loads((Path(__file__).parents[3] / "benchmarks" / "results" / "tmaze_oracle.json").read_text())


def maze(**changed: float) -> DiscreteModel:
    """The maze as pymdp's figures were made for it."""
    one = TMaze(**changed)
    preference = np.zeros(5), np.array(ORACLE["maze"]["preference"])
    return DiscreteModel(one.likelihood(), one.transition(), preference, one.prior())


def at(place: int, left: float) -> np.ndarray:
    return np.kron(np.eye(4)[place], [left, 1 - left])


def test_the_maze_is_that_of_pymdp() -> None:
    for ours, theirs in zip(TMaze().likelihood(), ORACLE["maze"]["likelihood"], strict=True):
        np.testing.assert_allclose(ours, np.reshape(theirs, ours.shape), atol=1e-6)


@pytest.mark.parametrize("words", ORACLE["beliefs"])
def test_every_plan_promises_what_pymdp_says_of_it(words: str) -> None:
    told = ORACLE["beliefs"][words]
    belief, model = at(told["place"], told["left"]), maze()
    assert len(told["plans"]) == 16
    for plan in told["plans"]:
        outlook = foresee(model, belief, plan["moves"])
        assert outlook.pragmatic == pytest.approx(plan["pragmatic"], abs=2e-6)
        assert outlook.epistemic == pytest.approx(plan["epistemic"], abs=2e-6)
    for curiosity, name in ((1.0, "both"), (0.0, "pragmatic")):
        move, outlook = choose(model, belief, 2, curiosity=curiosity)
        best = max(plan[name] for plan in told["plans"])
        assert outlook.pragmatic + curiosity * outlook.epistemic == pytest.approx(best, abs=2e-6)
        assert move in [plan["moves"][0] for plan in told["plans"] if plan[name] > best - 1e-5]


@pytest.mark.parametrize(("curiosity", "first"), [(1.0, CUE), (0.0, CENTRE)])
def test_the_curious_go_to_the_cue_and_then_to_the_reward_and_others_never_leave(curiosity: float, first: int) -> None:
    world, model, rng = TMaze(), maze(), np.random.default_rng(0)
    felt = []
    for life in range(10):
        belief, side, places = model.prior, life % 2, []
        for _ in range(3):
            move, _ = choose(model, belief, 2, curiosity=curiosity)
            places.append(move)
            outcome = world.outcome(move, side, rng)
            belief = perceive(model, anticipate(model, belief, move), outcome)
        felt.append(outcome[1])
        assert places[0] == first
        assert curiosity or places == [CENTRE] * 3
    assert felt.count(1) >= 9 if curiosity else felt.count(0) == 10


def test_perception_is_bayes_rule_and_a_silent_sense_changes_nothing() -> None:
    model = maze(valid=0.9)
    belief = perceive(model, at(CUE, 0.3), (CUE, None))
    np.testing.assert_allclose(belief, at(CUE, 0.3 * 0.9 / (0.3 * 0.9 + 0.7 * 0.1)))
    np.testing.assert_allclose(perceive(model, belief, (None, None)), belief)


def test_a_cue_that_always_tells_the_truth_is_worth_one_bit() -> None:
    outlook = foresee(maze(valid=1.0), at(CENTRE, 0.5), (CUE,))
    assert (outlook.pragmatic, outlook.epistemic) == (0.0, pytest.approx(log(2)))
    assert foresee(maze(valid=0.5), at(CENTRE, 0.5), (CUE,)).epistemic == pytest.approx(0, abs=1e-12)
    assert foresee(maze(sure=1.0), at(CENTRE, 1.0), (LEFT, RIGHT)).pragmatic == pytest.approx(2.0 - 3.0)


def test_what_is_no_model_is_refused_in_a_sentence() -> None:
    good = maze()
    with pytest.raises(RecipeError, match="likelihood must hold probabilities"):
        DiscreteModel((good.likelihood[0] * 2, good.likelihood[1]), good.transition, good.preference, good.prior)
    with pytest.raises(RecipeError, match="these numbers must agree"):
        DiscreteModel(good.likelihood, good.transition, good.preference[:1], good.prior)
    with pytest.raises(RecipeError, match="impossible under the belief"):
        perceive(good, at(LEFT, 0.5), (RIGHT, None))
    with pytest.raises(RecipeError, match="2 senses"):
        perceive(good, good.prior, (1,))
    with pytest.raises(RecipeError, match="horizon is 0"):
        choose(good, good.prior, 0)
    with pytest.raises(RecipeError, match="sure is 1"):
        TMaze(sure=1.2)
