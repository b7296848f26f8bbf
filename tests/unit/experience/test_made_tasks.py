"""Tasks whose sequences are made here: against independent recursions, SciPy, conservation laws and linear readouts."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from anlage.errors import RecipeError, UnknownName
from anlage.experience import Problem, narma, three_body
from anlage.experience.item_recall import ItemRecall
from anlage.experience.mackey_glass import MackeyGlass, mackey_glass
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.narma import Narma, narma10
from anlage.experience.next_byte import NextByte, NGram
from anlage.experience.path_integration import PathIntegration
from anlage.experience.still_image import ImageRows, StillImages
from anlage.experience.three_body import ThreeBody, bound_starts, energy, integrate

EIGHT = np.array([[[0.97000436, -0.24308753, 0], [-0.97000436, 0.24308753, 0], [0, 0, 0]]])
EIGHT_VELOCITY = np.array([[[0.466203685, 0.43236573, 0], [0.466203685, 0.43236573, 0], [-0.93240737, -0.86473146, 0]]])
EIGHT_PERIOD = 6.32591398  # Chenciner & Montgomery 2000


def opened(task: object, seed: int = 0) -> Problem:
    return task.open(np.random.default_rng(seed))  # type: ignore[attr-defined]


def readout(problem: Problem, train: Tensor | np.ndarray, test: Tensor | np.ndarray, penalty: float = 1e-6) -> float:
    """Primary score of a linear readout of features of shape (sample, moment, feature), by ridge regression."""
    design, asked = np.asarray(train, dtype=float), problem.train_answer.double().numpy()
    design, test = (np.concatenate([x, np.ones((*x.shape[:2], 1))], axis=-1) for x in (design, np.asarray(test, float)))
    flat = design.reshape(-1, design.shape[-1])
    gram = flat.T @ flat + penalty * np.eye(flat.shape[1])
    weight = np.linalg.solve(gram, flat.T @ asked.reshape(len(flat), -1))
    return problem.score(torch.from_numpy(test @ weight))[problem.primary]


def delayed(rows: Tensor, delays: range, washout: int) -> np.ndarray:
    """Inputs of so many moments ago, one after another as features."""
    seen = rows.double().numpy()
    time = seen.shape[1]
    return np.concatenate([seen[:, washout - d : time - d] for d in delays], axis=-1)


@pytest.mark.parametrize("n", [5, 12, 20])
def test_a_delay_line_of_n_has_a_memory_capacity_of_n(n: int) -> None:
    problem = opened(MemoryCapacity(n_delays=20))
    line = (delayed(part, range(1, n + 1), 20) for part in (problem.train, problem.test))
    assert readout(problem, *line) == pytest.approx(n, abs=0.15)
    assert problem.oracle == 20


def test_no_mixing_of_n_linear_neurons_remembers_more_than_n() -> None:
    problem, rng = opened(MemoryCapacity(n_delays=40)), np.random.default_rng(1)
    orthogonal = np.linalg.qr(rng.normal(size=(15, 15)))[0] * 0.95
    into = rng.normal(size=15)

    def states(part: Tensor) -> np.ndarray:
        x, kept = np.zeros((len(part), 15)), []
        for moment in part[..., 0].double().numpy().T:
            x = x @ orthogonal.T + moment[:, None] * into
            kept.append(x)
        return np.stack(kept, axis=1)[:, 40:]

    # The current input takes one of the 15, so that at most 14 are left for the past; the sum scatters by about 0.1.
    assert 10 < readout(problem, states(problem.train), states(problem.test)) < 14.3


def narma_by_hand(u: list[float]) -> list[float]:
    y = [0.0] * (len(u) + 1)
    for t in range(len(u)):
        past = sum(y[t - i] for i in range(10) if t - i >= 0)
        early = u[t - 9] if t >= 9 else 0.0
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * past + 1.5 * early * u[t] + 0.1
    return y[1:]


def test_narma_is_the_published_recursion() -> None:
    u = np.random.default_rng(3).uniform(0, 0.5, (2, 60))
    np.testing.assert_allclose(narma10(u), [narma_by_hand(row.tolist()) for row in u], rtol=1e-12)


def test_what_is_asked_of_narma_follows_the_input_of_the_same_moment() -> None:
    problem = opened(Narma(length=200, washout=30))
    for u, asked in zip(problem.test[..., 0], problem.test_answer[..., 0], strict=True):
        np.testing.assert_allclose(asked.numpy(), narma_by_hand(u.tolist())[30:], rtol=1e-4)


def test_inputs_that_drive_narma_to_infinity_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # With a constant input of 0.5 the recursion has no fixed point: 0.5 y^2 - 0.7 y + 0.475 has no root.
    assert np.isinf(narma10(np.full((1, 400), 0.5))).any()
    free = opened(Narma(n_train=30, n_test=1, length=300))
    assert free.train_answer.max() < 1
    bound = float(free.train_answer.amax((1, 2)).median())
    monkeypatch.setattr(narma, "ESCAPED", bound)
    problem = opened(Narma(n_train=30, n_test=1, length=300))
    assert problem.train_answer.max() <= bound
    assert len(problem.train) == 30


def test_a_linear_readout_of_the_right_products_solves_narma_and_one_of_the_inputs_does_not() -> None:
    problem = opened(Narma())

    def products(part: Tensor) -> np.ndarray:
        u = part[..., 0].double().numpy()
        y = np.pad([narma_by_hand(row.tolist()) for row in u], ((0, 0), (10, 0)))
        now = range(100, u.shape[1])
        rows = [[y[:, t + 9], y[:, t + 9] * y[:, t : t + 10].sum(1), u[:, t - 9] * u[:, t]] for t in now]
        return np.transpose(rows, (2, 0, 1))

    assert readout(problem, products(problem.train), products(problem.test), 1e-9) < 1e-3
    register = (delayed(part, range(20), 100) for part in (problem.train, problem.test))
    # Published: a shift register stays at about 0.4 (Appeltant et al. 2011, Nature Communications 2:468).
    assert readout(problem, *register) == pytest.approx(0.4, abs=0.06)


def test_mackey_glass_agrees_with_an_integration_by_scipy_interval_after_interval() -> None:
    past, tau = 0.9, 17
    drive = 0.2 * past / (1 + past**10)
    ours = mackey_glass(np.array([past]), 69, tau)[0]
    # Up to time tau the equation is linear and solved by hand.
    by_hand = 10 * drive + (past - 10 * drive) * np.exp(-0.1 * np.arange(18))
    np.testing.assert_allclose(ours[:18], by_hand, rtol=1e-8)

    def grown(delayed: float) -> float:
        return 0.2 * delayed / (1 + delayed**10)

    before = lambda t: np.array([past])  # noqa: E731
    for start in range(0, 68, tau):
        solution = solve_ivp(
            lambda t, x, before=before: [grown(before(t - tau)[0]) - 0.1 * x[0]],
            (start, start + tau),
            [ours[0] if start == 0 else before(start)[0]],
            method="DOP853",
            dense_output=True,
            rtol=1e-11,
            atol=1e-12,
        )
        before = solution.sol
        times = np.arange(start, start + tau + 1)
        np.testing.assert_allclose(ours[times], solution.sol(times)[0], atol=2e-5)


@pytest.mark.parametrize(
    ("task", "shift"), [(MackeyGlass(length=300, washout=20), 84), (ThreeBody(length=60, washout=20, n_train=2), 5)]
)
def test_what_is_asked_is_the_signal_itself_a_horizon_later(task: MackeyGlass | ThreeBody, shift: int) -> None:
    problem = opened(task)
    overlap = problem.train.shape[1] - shift - 20
    assert torch.equal(problem.train_answer[:, :overlap], problem.train[:, 20 + shift :])


def test_mackey_glass_stays_on_its_attractor_and_its_recent_past_foretells_it_only_in_part() -> None:
    problem = opened(MackeyGlass(length=600, n_train=3, n_test=2))
    level = problem.train + 1
    # The usual setting oscillates between about 0.2 and 1.4 around 0.93 (Farmer 1982, Physica D 4:366).
    assert 0.15 < level.min() < 0.45
    assert 1.2 < level.max() < 1.45
    lags = (delayed(part, range(0, 96, 6), 100) for part in (problem.train, problem.test))
    assert 0.1 < readout(problem, *lags) < 0.9


def test_two_starts_of_mackey_glass_a_hair_apart_part_ways() -> None:
    pair = mackey_glass(np.array([0.9, 0.9 + 1e-5]), 2500, 17)
    apart = np.abs(pair[0] - pair[1])
    assert apart[100] < 1e-3
    assert apart[-500:].max() > 0.1


def test_the_figure_eight_comes_back_after_its_published_period() -> None:
    position, velocity = integrate(EIGHT, EIGHT_VELOCITY, 2, EIGHT_PERIOD, softening=0.0)
    np.testing.assert_allclose(position[:, 1], EIGHT, atol=1e-5)
    np.testing.assert_allclose(velocity[:, 1], EIGHT_VELOCITY, atol=1e-5)


def test_three_bodies_move_as_scipy_says() -> None:
    start = bound_starts(3, np.random.default_rng(2))
    ours, _ = integrate(*start, 31, 0.1)

    def rates(_: float, y: np.ndarray) -> np.ndarray:
        x, v = y.reshape(2, 3, 3)
        pull = np.zeros((3, 3))
        for i, j in product(range(3), repeat=2):
            pull[i] += (x[j] - x[i]) / (np.sum((x[j] - x[i]) ** 2) + 0.09) ** 1.5
        return np.concatenate([v.ravel(), pull.ravel()])

    for one in range(3):
        first = np.concatenate([start[0][one].ravel(), start[1][one].ravel()])
        solution = solve_ivp(
            rates, (0, 3), first, method="DOP853", t_eval=np.linspace(0, 3, 31), rtol=1e-10, atol=1e-11
        )
        np.testing.assert_allclose(ours[one].reshape(31, 9), solution.y[:9].T, atol=1e-4)


def test_energy_momentum_and_angular_momentum_stay_and_no_body_escapes() -> None:
    position, velocity = integrate(*bound_starts(8, np.random.default_rng(0)), 101, 0.1)
    flat = position.reshape(-1, 3, 3), velocity.reshape(-1, 3, 3)
    np.testing.assert_allclose(energy(*flat), -1.05 / 0.3, rtol=1e-5)
    np.testing.assert_allclose(velocity.sum(2), 0, atol=1e-10)
    turning = np.cross(position, velocity).sum(2)
    np.testing.assert_allclose(turning, np.broadcast_to(turning[:, :1], turning.shape), atol=1e-10)
    # A pair is bound at most by 1 / 0.3. What is left for the third one, 0.05 / 0.3, is two pairs of it at a distance of at most
    # 2 * 0.3 / 0.05 = 12; no body is further from the middle than that.
    assert np.linalg.norm(position, axis=-1).max() < 12


def test_three_bodies_are_chaotic() -> None:
    position, velocity = bound_starts(16, np.random.default_rng(1))
    nudged = position + 1e-9 * np.random.default_rng(2).normal(size=position.shape)
    one, other = (integrate(x, velocity, 3, 6.0)[0] for x in (position, nudged))
    apart = np.linalg.norm((one - other).reshape(16, 3, -1), axis=-1)
    growth = np.median(np.log(apart[:, 2] / apart[:, 1]) / 6)
    assert growth > 0.3, "per unit of time"


def test_the_watched_body_alone_does_not_tell_where_it_will_be_but_all_three_tell_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = opened(ThreeBody(length=150, n_train=12, n_test=6))
    alone = readout(problem, problem.train[:, 50:], problem.test[:, 50:])
    remembered = readout(problem, *(delayed(part, range(6), 50) for part in (problem.train, problem.test)))
    assert remembered < 0.75 * alone
    assert remembered > 0.02
    assert three_body.SOFTENING == 0.3


def test_items_are_recalled_by_products_of_item_and_cue_and_not_by_their_sum() -> None:
    task = ItemRecall(n_symbols=4, n_items=3, delay=2, n_train=150, n_test=40)
    problem = opened(task)
    assert problem.train.shape == (150, 6, 7)

    def bound(part: Tensor) -> Tensor:
        items, cue = part[:, :3, :4], part[:, -1, 4:]
        return (items * cue[:, :, None]).reshape(len(part), 1, 12)

    def plain(part: Tensor) -> Tensor:
        return part.reshape(len(part), 1, -1)

    assert readout(problem, bound(problem.train), bound(problem.test)) == 1
    assert readout(problem, plain(problem.train), plain(problem.test), 1.0) < 0.75
    for row, asked in zip(problem.test, problem.test_answer, strict=True):
        place = int(row[-1, 4:].argmax())
        assert torch.equal(row[place, :4], asked[0])
        assert row[3:5].abs().sum() == 0, "nothing is seen during the delay"


def test_no_sequence_of_items_is_asked_twice() -> None:
    problem = opened(ItemRecall(n_symbols=2, n_items=2, delay=0, n_train=5, n_test=3))
    rows = {row.numpy().tobytes() for row in torch.cat([problem.train, problem.test])}
    assert len(rows) == 8 == 2 * 2**2


def test_the_heading_is_the_sum_of_all_turns() -> None:
    problem = opened(PathIntegration(turn_deg=20.0, n_train=3, n_test=5, length=50))
    for seen, asked in zip(problem.test.tolist(), problem.test_answer.tolist(), strict=True):
        angle = math.atan2(seen[0][2], seen[0][1])
        for moment, (x, y) in zip(seen, asked, strict=True):
            angle += math.radians(20) * moment[0]
            assert math.cos(angle) == pytest.approx(x, abs=1e-4)
            assert math.sin(angle) == pytest.approx(y, abs=1e-4)
        assert all(moment[1:] == [0, 0] for moment in seen[1:]), "the start is told once"


def test_turning_has_the_stated_size_and_knowing_nothing_is_ninety_degrees_off() -> None:
    problem = opened(PathIntegration(n_train=1500, n_test=1500))
    turn = problem.train[..., 0]
    assert turn.std() == pytest.approx(1, abs=0.02)
    assert turn[:, 0].std() == pytest.approx(1, abs=0.06), "stationary from the first moment"
    lagged = torch.corrcoef(torch.stack([turn[:, 1:].ravel(), turn[:, :-1].ravel()]))[0, 1]
    assert lagged == pytest.approx(0.9, abs=0.01)
    assert problem.chance == pytest.approx(90, abs=2)
    # What turning alone tells, without a sum and the start, is next to nothing.
    assert readout(problem, problem.train[..., :1], problem.test[..., :1]) > 80


def test_the_probabilities_of_an_n_gram_are_those_of_the_published_formula() -> None:
    model = NGram(2, 3)
    model.learn(np.array([[0, 1, 0, 1, 2]]))
    # Counts without context, of what follows something: 1 twice, 0 and 2 once; three kinds among four.
    single = (np.array([1, 2, 1]) + 3 * np.ones(3) / 3) / (4 + 3)
    np.testing.assert_allclose(model.after([]), single)
    np.testing.assert_allclose(model.after([1]), (np.array([1, 0, 1]) + 2 * single) / (2 + 2))
    np.testing.assert_allclose(model.after([0, 2]), single, err_msg="2 was never followed")
    rows = np.random.default_rng(0).integers(5, size=(20, 30))
    deep = NGram(4, 6)
    deep.learn(rows)
    np.testing.assert_allclose(deep.probabilities(rows[0]).sum(1), 1)


def test_a_longer_context_codes_text_better_up_to_a_point_and_a_linear_readout_of_one_byte_is_a_bigram() -> None:
    short, long = (opened(NextByte(n_gram=n, n_train=200, n_test=20)) for n in (2, 4))
    assert torch.equal(short.test, long.test)
    assert long.oracle < short.oracle - 0.3
    assert short.chance == pytest.approx(long.chance)
    linear = readout(short, short.train[:, 10:], short.test[:, 10:])
    assert linear == pytest.approx(short.oracle, abs=0.2)


def test_what_is_asked_of_a_text_is_its_next_byte() -> None:
    problem = opened(NextByte(length=40, washout=5))
    assert torch.equal(problem.test_answer[:, :-1], problem.test[:, 6:])
    frequency = problem.train_answer.double().mean((0, 1)).numpy()
    asked = problem.test_answer.double().mean((0, 1)).numpy()
    entropy = -(asked * np.log2(np.where(frequency > 0, frequency, 1e-9))).sum()
    # Spreading a hundredth of the probability costs a little where a byte is common and gains where one was never seen.
    assert problem.chance == pytest.approx(entropy, abs=0.1)


def test_rows_of_a_picture_are_the_picture() -> None:
    held, rows = opened(StillImages(moments=3, n_test=50)), opened(ImageRows(n_test=50))
    assert held.test.shape == (50, 3, 64)
    assert rows.test.shape == (50, 8, 8)
    assert torch.equal(rows.test.reshape(50, 64), held.test[:, 0])
    assert torch.equal(held.test[:, 0], held.test[:, 2])
    assert held.train.mean() == pytest.approx(0, abs=1e-4)
    assert held.train.std() == pytest.approx(1, abs=1e-3)


def test_a_linear_readout_names_most_digits_and_the_reference_more() -> None:
    problem = opened(StillImages(n_train=1000, n_test=360))
    linear = readout(problem, problem.train[:, :1], problem.test[:, :1], 10.0)
    assert 0.9 < linear < problem.oracle
    assert problem.oracle > 0.97


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MemoryCapacity(n_delays=0), "n_delays is 0, but must be 1 to 1,000"),
        (lambda: MemoryCapacity(length=45), "length is 45, but must be 50 to"),
        (lambda: Narma(washout=-1), "washout is -1, but must be 0"),
        (lambda: MackeyGlass(tau=0), "tau is 0, but must be 1 to 100"),
        (lambda: MackeyGlass(n_train=0), "n_train is 0, but must be 1"),
        (lambda: ThreeBody(interval=2.0), "interval is 2.0, but must be 0.01 to 1.0"),
        (lambda: ItemRecall(n_symbols=2, n_items=2), r"n_train \+ n_test is 1500, but must be 2 to 8"),
        (lambda: PathIntegration(turn_deg=0.0), "turn_deg is 0.0, but must be 0.1 to 90"),
        (lambda: StillImages(n_train=2000), "n_train is 2000, but must be 10 to 1,437"),
        (lambda: NextByte(n_gram=9), "n_gram is 9, but must be 1 to 8"),
        (
            lambda: opened(NextByte(n_test=90_000)),
            "n_test 90000, but this text has .* windows of 100 bytes; take fewer",
        ),
    ],
)
def test_a_parameter_out_of_range_is_answered_with_the_range(make: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        make()  # type: ignore[operator]


def test_unknown_pictures_are_answered_with_the_nearest_known() -> None:
    with pytest.raises(UnknownName, match="no set of pictures called 'fashion'; did you mean 'fashion-mnist'"):
        _unchecked(StillImages, "fashion")


def _unchecked(cls: type, name: str) -> None:
    """Call the check of a task as a user without type checks would reach it."""
    task = object.__new__(cls)
    object.__setattr__(task, "images", name)
    object.__setattr__(task, "moments", 4)
    object.__setattr__(task, "n_train", 100)
    object.__setattr__(task, "n_test", 100)
    task.__post_init__()
