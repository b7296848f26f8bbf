"""The ring that is made: its fixed points, its speed, and what breaks both."""

import numpy as np
import pytest
from numpy import ndarray
from scipy.optimize import fsolve

from anlage.errors import TopologyError
from anlage.topology import Ring

LEAK = 0.5


def lived(ring: Ring, drive: ndarray, state: ndarray, ticks: int) -> ndarray:
    """Threshold-linear neurons, written out; shape ``(tick, neuron)``."""
    matrix, states = ring.topology().dense(), []
    for _ in range(ticks):
        state = (1 - LEAK) * state + LEAK * np.maximum(matrix @ state + ring.tonic() + drive, 0)
        states.append(state)
    return np.array(states)


def height(ring: Ring, heading: float) -> float:
    """Of the fixed point: what the even inhibition has to hold down."""
    return float(1 / (np.pi * np.maximum(np.cos(ring.place - heading), 0).mean()))


def bump(ring: Ring, heading: float) -> ndarray:
    """The fixed point of the docstring."""
    tuned = height(ring, heading) * np.cos(ring.place - heading)
    return np.maximum(np.concatenate([1 + tuned, tuned, tuned]), 0)


def heading(ring: Ring, states: ndarray) -> ndarray:
    return np.unwrap(np.angle(states[:, : ring.columns] @ np.exp(1j * ring.place)))


@pytest.mark.parametrize("columns", [6, 8, 16, 50])
@pytest.mark.parametrize("inhibition", [0.3, 1.0, 2.5])
def test_a_bump_at_any_heading_stays_where_it_is(columns: int, inhibition: float) -> None:
    ring = Ring(columns, 45.0, inhibition)
    for at in np.linspace(-3, 3, 23):
        still = bump(ring, at)
        np.testing.assert_allclose(lived(ring, np.zeros(3 * columns), still, 1)[0], still, atol=1e-12)
        assert abs(height(ring, at) - 1) < 4 / columns**2


@pytest.mark.parametrize("start", [0.0, 0.3, 2.0])
def test_a_bump_of_another_height_comes_back_to_its_own_at_the_same_heading(start: float) -> None:
    ring = Ring()
    state = np.concatenate([1 + start * np.cos(ring.place - 1.0), np.zeros(32)]) + 1e-3 * bump(ring, 1.0)
    end = lived(ring, np.zeros(48), state, 600)[-1]
    np.testing.assert_allclose(end, bump(ring, 1.0), atol=1e-2)


def balance(unit: float, shift: float, inhibition: float) -> float:
    """Radians per tick of a ring of many columns turned by a drive of ``unit``: harmonic balance of the rotating bump.

    EPGs hold ``1 + a x + a cos``, and PENs low-pass ``a max(cos + x +- unit / a, 0)``. With ``e`` for one tick of rotation, the
    first harmonic must come back after both low passes, and the mean balances the even inhibition.
    """

    def first(y: float) -> float:
        return float(np.pi / 2 + np.arcsin(y) + y * np.sqrt(1 - y * y))

    def mean(y: float) -> float:
        return float((np.sqrt(1 - y * y) + y * np.arccos(-y)) / np.pi)

    def off(guess: ndarray) -> tuple[float, float, float]:
        speed, x, a = guess
        left, right = x + unit / a, x - unit / a
        back = ((np.exp(1j * speed) - 1 + LEAK) / LEAK) ** 2
        sent = (first(left) * np.exp(1j * shift) + first(right) * np.exp(-1j * shift)) / (np.pi * np.cos(shift))
        held = 1 + a * x - (1 + 2 * inhibition / np.pi) + inhibition * a * (mean(left) + mean(right))
        return (back - sent).real, (back - sent).imag, held

    return float(fsolve(off, (2 * LEAK * np.tan(shift) * unit / np.pi, 0, 1))[0])


@pytest.mark.parametrize(("shift_deg", "inhibition"), [(45.0, 1.0), (30.0, 1.0), (45.0, 2.0)])
@pytest.mark.parametrize("turn", [0.003, -0.03, 0.06])
def test_a_turn_moves_the_bump_as_fast_as_harmonic_balance_says(
    turn: float, shift_deg: float, inhibition: float
) -> None:
    ring = Ring(16, shift_deg, inhibition)
    drive = ring.interface(turn, LEAK)[:, 0]
    at = heading(ring, lived(ring, drive, bump(ring, 0.5), 2400))
    wanted = balance(drive[16], np.deg2rad(shift_deg), inhibition)
    # A whole number of columns, so that what single columns add is averaged out.
    ticks = round(2 * np.pi / abs(wanted))
    assert (at[-1] - at[-1 - ticks]) / ticks == pytest.approx(wanted, rel=4e-3)


@pytest.mark.parametrize(("turn", "slower"), [(0.03, 0.01), (0.09, 0.075)])
def test_the_interface_is_as_exact_as_it_says(turn: float, slower: float) -> None:
    at = heading(Ring(), lived(Ring(), Ring().interface(turn, LEAK)[:, 0], bump(Ring(), 0.0), 2000))
    assert 1 - (at[-1] - at[1000]) / (turn * 999) == pytest.approx(slower, abs=0.005)


def test_the_heading_is_the_sum_of_turns_left_and_right() -> None:
    ring, rng = Ring(), np.random.default_rng(0)
    turns, state, at = rng.normal(0, 0.03, 300), bump(ring, 0.0), []
    for turn in turns:
        (state,) = lived(ring, ring.interface(1.0, LEAK)[:, 0] * turn, state, 1)
        at.append(state)
    drift = heading(ring, np.array(at))[5:] - turns.cumsum()[3:-2]  # two low passes of two ticks each
    assert np.abs(drift).max() < np.deg2rad(6)


def test_a_heading_that_is_seen_is_taken_from_silence() -> None:
    ring = Ring()
    for at in (0.2, 2.0, -1.3):
        seen = ring.interface(0.1, LEAK)[:, 1:] @ [np.cos(at), np.sin(at)]
        dark = lived(ring, np.zeros(48), lived(ring, seen, np.zeros(48), 5)[-1], 300)
        assert heading(ring, dark)[-1] == pytest.approx(at, abs=np.deg2rad(1.5))


def test_without_the_shift_a_heading_is_kept_and_not_turned() -> None:
    still = Ring(shift_deg=0.0)
    drive = Ring().interface(0.03, LEAK)[:, 0]
    assert heading(still, lived(still, drive, bump(still, 1.0), 500))[-1] == pytest.approx(1.0, abs=np.deg2rad(3))
    with pytest.raises(TopologyError, match="cannot be turned"):
        still.interface(0.03, LEAK)
    with pytest.raises(TopologyError, match="leak is 0"):
        Ring().interface(0.03, 0.0)


def test_the_ports_are_where_the_fly_has_them() -> None:
    ring = Ring(8).topology()
    assert [list(ring.groups[name]) for name in ("EPG", "PEN-left", "PEN-right")] == [
        list(range(i, i + 8)) for i in (0, 8, 16)
    ]
    matrix = ring.dense()
    assert list(ring.groups["output"]) == list(range(8))
    assert matrix[:8, 8:16].argmax(0).tolist() == [(i + 1) % 8 for i in range(8)]  # 45 degrees are a column of eight
    assert matrix[:8, 16:].argmax(0).tolist() == [(i - 1) % 8 for i in range(8)]
    assert "Turner-Evans" in ring.history[0].reference


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"columns": 7}, "even number"),
        ({"columns": 4}, "6 or more"),
        ({"shift_deg": 90.0}, "below 90"),
        ({"shift_deg": -1.0}, "at least 0"),
        ({"inhibition": 0.0}, "positive"),
    ],
)
def test_a_ring_that_cannot_be_is_refused_in_a_sentence(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(TopologyError, match=said):
        Ring(**wrong)  # type: ignore[arg-type]
