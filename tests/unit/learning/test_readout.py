"""Ridge readouts against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from anlage.errors import RecipeError
from anlage.learning.readout import PENALTIES, Gradient, Ridge, fit_ridge


def noisy(n: int = 100, n_columns: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    columns = rng.standard_normal((n, n_columns)) * np.logspace(0, -2, n_columns) + 5
    return columns, columns @ rng.standard_normal((n_columns, 3)) + 2 * rng.standard_normal((n, 3)) - 7


def size(columns: np.ndarray) -> float:
    return float(((columns - columns.mean(0)) ** 2).sum(0).mean())


@pytest.mark.parametrize("penalty", [1e-6, 0.1, 10.0])
def test_a_fixed_penalty_gives_the_ridge_regression_of_scikit_learn(penalty: float) -> None:
    columns, answer = noisy()
    fitted = fit_ridge(columns, answer, Ridge(penalty=penalty))
    other = Reference(alpha=penalty * size(columns)).fit(columns, answer)
    np.testing.assert_allclose(fitted.weight.T, other.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fitted(columns), other.predict(columns), rtol=1e-8)
    assert fitted.sweep == () and fitted.penalty == penalty


def test_the_penalty_is_chosen_as_scikit_learn_chooses_it_and_every_one_tried_is_told() -> None:
    columns, answer = noisy()
    fitted = fit_ridge(columns, answer, Ridge(folds=5))
    alphas = np.array(PENALTIES) * size(columns)
    other = RidgeCV(alphas=alphas, cv=KFold(5), scoring="neg_mean_squared_error").fit(columns, answer)
    assert fitted.penalty * size(columns) == pytest.approx(other.alpha_)
    assert PENALTIES[0] < fitted.penalty < PENALTIES[-1]
    assert [penalty for penalty, _ in fitted.sweep] == list(PENALTIES)
    assert min(error for _, error in fitted.sweep) == pytest.approx(-other.best_score_)


def test_the_unit_of_the_activity_changes_nothing() -> None:
    columns, answer = noisy()
    one, other = (fit_ridge(scale * columns, answer, Ridge()) for scale in (1.0, 1e-3))
    assert one.penalty == other.penalty
    np.testing.assert_allclose(one(columns), other(1e-3 * columns), rtol=1e-6)


def test_neurons_that_never_speak_are_no_trouble() -> None:
    columns, answer = np.zeros((40, 3)), np.random.default_rng(0).standard_normal((40, 2))
    np.testing.assert_allclose(fit_ridge(columns, answer, Ridge())(columns), np.tile(answer.mean(0), (40, 1)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Ridge(penalty=-1.0), "readout.penalty is -1.0"),
        (lambda: Ridge(folds=1), "folds at least 2"),
        (lambda: Gradient(epochs=0), "readout.epochs is 0"),
        (lambda: Gradient(learning_rate=0.0), "the rate a small positive number"),
        (lambda: fit_ridge(*noisy(9), Ridge()), "needs at least 10 moments to fit; there are 9"),
    ],
)
def test_a_readout_that_cannot_be_is_refused_in_one_sentence(make: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make()  # type: ignore[operator]
