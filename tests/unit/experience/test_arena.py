"""The arena against closed forms, a numerical solution, and what must not change when nothing that matters does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import solve_bvp
from scipy.special import k0

from anlage.errors import BodyError, UnknownName
from anlage.experience.arena import Arena, Moment
from anlage.experience.arena_behaviour import REFERENCES, RandomWalk, RunAndTurn, Still, TrueGradient, Walk
from anlage.experience.arena_body import Crawler, Larva, Pose, Worm
from anlage.experience.arena_field import DIFFUSIVITY, Box, Dish, Drop, Ramp, Scene, StillAir, Wind, grid
from anlage.experience.arena_score import Track, approach, forage, intake, preference
from anlage.experience.arena_sense import GENERAL, HILL, LarvaNose, WormNose

DROP = Drop(30.0, 0.0, "a", food_s=1e6)
# Two receptors: the first responds half at dose 1, the second hardly.
MEASURED = {"a": np.array([0.5, 0.1]), "b": np.array([0.0, 0.8])}


def larvae(scene: Scene | None = None, worlds: int = 1, agents: int = 1) -> Arena:
    scene = Scene(drops=(DROP,)) if scene is None else scene
    return Arena(scene, Larva(), worlds, agents, LarvaNose(scene.odours, MEASURED))


def rngs(n: int, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng(first + i) for i in range(n)]


def posed(arena: Arena, place: list[list[float]], heading: list[float]) -> Moment:
    arena.start(rngs(1))
    pose = Pose(torch.tensor([place]), torch.tensor([heading]), torch.zeros(1, len(place)), torch.zeros(1, len(place)))
    return replace(arena.now, pose=pose)


# Odour


def test_the_odour_of_a_drop_solves_the_equation_of_diffusion_with_loss() -> None:
    a, reach, far = 2.5, 15.0, 150.0

    def slope(r: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([y[1], y[0] / reach**2 - y[1] / r])

    def ends(near: np.ndarray, end: np.ndarray) -> np.ndarray:
        return np.array([near[0] - 2.0, end[0]])

    r = np.linspace(a, far, 400)
    solved = solve_bvp(slope, ends, r, np.stack([2 * np.exp(-r / reach), -2 / reach * np.exp(-r / reach)]), tol=1e-8)
    at = np.array([3.0, 10.0, 25.0, 40.0])
    place = torch.from_numpy(np.stack([at, np.zeros(4)], 1).astype(np.float32))[None]
    found = StillAir(reach).around(Drop(0.0, 0.0, "a", dose=2.0, radius_mm=a), place, torch.zeros(1))[0].numpy()
    assert np.allclose(found, solved.sol(at)[0], rtol=2e-4)


def test_on_the_drop_there_is_its_dose_and_drops_add_up() -> None:
    scene = Scene(drops=(Drop(0.0, 0.0, "a", dose=3.0), Drop(10.0, 0.0, "b"), Drop(0.0, 20.0, "b", dose=0.5)))
    place = torch.tensor([[[0.0, 1.0], [5.0, 5.0]]])
    found = scene.concentration(place, torch.zeros(1), torch.tensor([[1.0, 1.0, 0.5]]))
    assert scene.odours == ("a", "b") and found.shape == (1, 2, 2)
    assert found[0, 0, 0].item() == pytest.approx(3.0)
    near, other = (k0(np.hypot(*d) / 15) / k0(2.5 / 15) for d in ((5, 5), (5, 15)))
    assert found[0, 1, 1].item() == pytest.approx(near + 0.25 * other, rel=1e-5)


def test_puffs_without_wind_or_wandering_add_up_to_still_air() -> None:
    # As many and as lasting as the steady state needs: the loss takes 1/e in reach^2 / D = 25 s.
    wind = Wind(rngs(1)[0], speed_mm_s=0.0, rate_hz=10.0, lasts_s=200.0, wander_mm2_s=0.0, reach_mm=15.0)
    drop, place = Drop(0.0, 0.0, "a"), torch.tensor([[[8.0, 0.0], [0.0, 20.0], [25.0, 25.0]]])
    still = StillAir(15.0).around(drop, place, torch.zeros(1))
    assert torch.allclose(wind.around(drop, place, torch.tensor([3.21])), still, rtol=0.03)


def test_puffs_drift_with_the_wind_and_wander_as_far_as_they_should() -> None:
    wind = Wind(rngs(1)[0], speed_mm_s=10.0, towards_deg=90.0, rate_hz=50.0, lasts_s=10.0, wander_mm2_s=7.0)
    puff = torch.arange(-2000.0, 0.0)[None]
    way = wind._wandered(puff, torch.full_like(puff, 5.0))
    assert way.var(dim=(0, 1)).numpy() == pytest.approx(2 * 7 * 5.0, rel=0.08)
    down, up = (
        wind.around(Drop(0.0, 0.0, "a"), torch.tensor([[[0.0, y]]]), torch.tensor([4.0])).item() for y in (30.0, -30.0)
    )
    assert down > 100 * up


def test_a_gust_is_the_same_whenever_it_is_asked_for() -> None:
    place = torch.tensor([[[10.0, 2.0]]])
    first, second = (Wind(rngs(1)[0]).around(DROP, place, torch.tensor([t])) for t in (7.3, 7.3))
    assert torch.equal(first, second)
    assert not torch.equal(first, Wind(rngs(1, 5)[0]).around(DROP, place, torch.tensor([7.3])))


def test_the_slope_is_that_of_the_closed_form() -> None:
    arena = larvae()
    arena.put(posed(arena, [[10.0, 0.0]], [np.pi / 2]))
    r = np.hypot(20.0, 2.0)  # the nose is 2 mm ahead of the middle
    h = 1e-4
    steep = (k0((r + h) / 15) - k0((r - h) / 15)) / (2 * h) / k0(2.5 / 15)
    assert arena.gradient()[0, 0].numpy() == pytest.approx([-steep * 20 / r, steep * 2 / r], rel=0.01)


# Receptors


def test_receptors_respond_as_measured_at_the_dose_of_the_measurement_and_grow_by_one_curve() -> None:
    nose = LarvaNose(("a", "b"), MEASURED)
    doses = torch.tensor([[[[1.0, 0.0]] * 2, [[0.0, 1.0]] * 2, [[2.0, 0.0]] * 2]])
    found, _ = nose(doses, nose.start(doses), 0.1)
    assert found[0, :2].numpy() == pytest.approx(np.array([[0.5, 0.1] * 2, [0.0, 0.8] * 2]), abs=1e-6)
    assert found[0, 2, 0].item() == pytest.approx(2**HILL / (1 + 2**HILL), rel=1e-5)
    assert nose.names == ("1a ORN left", "13a ORN left", "1a ORN right", "13a ORN right")


def test_a_worm_responds_to_a_rise_with_awa_and_to_a_fall_with_awc_and_to_nothing_that_stays() -> None:
    nose = WormNose(("diacetyl", "butanone"))
    low, high = torch.full((1, 1, 2, 2), 0.1), torch.full((1, 1, 2, 2), 0.3)
    still, memory = nose(low, nose.start(low), 0.1)
    assert not still.any()
    risen, _ = nose(high, memory, 0.1)
    fallen, _ = nose(low, nose.start(high), 0.1)
    assert risen[0, 0, 0] > 0 and risen[0, 0, 2] == 0
    assert fallen[0, 0, 0] == 0 and fallen[0, 0, 2] > 0


def test_light_and_warmth_are_felt_on_their_side_and_no_channel_leaves_its_range() -> None:
    scene = Scene(light=Ramp(0.5, 0.01, 90.0), warmth=Ramp(24.0, 0.5, 0.0))
    arena = larvae(scene)
    seen = dict(zip(arena.senses, arena.put(posed(arena, [[4.0, 10.0]], [0.0]))[0, 0].tolist(), strict=True))
    assert seen["light left"] == pytest.approx(0.5 + 0.01 * 10.05) and seen["light right"] == pytest.approx(
        0.5 + 0.01 * 9.95
    )
    assert seen["warm left"] == pytest.approx(0.5 * 6 / 10) and seen["cold left"] == 0
    hot = larvae(replace(scene, warmth=Ramp(90.0), light=Ramp(7.0)))
    everything = hot.put(posed(hot, [[4.0, 10.0]], [0.0]))
    assert everything.min() >= 0 and everything.max() == 1


# Bodies


def test_a_larva_with_a_bent_head_goes_around_a_circle_of_the_radius_that_geometry_says() -> None:
    body, bend = Larva(step_s=0.05), 0.5
    pose = Pose(torch.zeros(1, 1, 2), torch.zeros(1, 1), torch.full((1, 1), bend), torch.zeros(1, 1))
    places = []
    for _ in range(600):
        # The head is held: the turn is what trailing takes back.
        turned = 0.0
        for _ in range(20):
            turned = body.speed_mm_s * body.step_s / 2 * np.sin(pose.bend.item() + turned)
        turn = turned / (np.deg2rad(body.cast_deg_s) * body.step_s)
        pose = body.move(pose, torch.tensor([[[1.0, turn]]]))
        places.append(pose.place[0, 0].numpy())
    radius = np.ptp(np.stack(places), axis=0) / 2
    assert pose.bend.item() == pytest.approx(bend, rel=0.01)
    # It moves where the head points while it turns.
    assert radius == pytest.approx(2 / np.sin(bend + turned), rel=0.005)


def test_casts_stop_at_the_limit_and_a_larva_does_not_back_up() -> None:
    body = Larva()
    pose = Pose(torch.zeros(1, 1, 2), torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    for _ in range(9):
        pose = body.move(pose, torch.tensor([[[-1.0, 5.0]]]))
    assert pose.bend.item() == pytest.approx(np.deg2rad(120)) and not pose.place.any()


def test_a_worm_sweeps_its_nose_once_in_a_period_and_backs_up() -> None:
    body = Worm()
    pose = Pose(torch.zeros(1, 1, 2), torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    bends = []
    for _ in range(84):
        pose = body.move(pose, torch.tensor([[[-1.0, 0.0]]]))
        bends.append(pose.bend.item())
    assert np.abs(np.fft.rfft(bends)).argmax() == 2  # 8.4 s are two periods
    assert max(bends) == pytest.approx(np.deg2rad(35), rel=0.01)
    assert pose.place[0, 0, 0].item() == pytest.approx(-0.22 * 8.4, rel=1e-4)


# The arena


@pytest.mark.parametrize("walls", [Dish(20.0), Box(40.0, 40.0)])
def test_walls_mirror_place_and_heading(walls: Dish | Box) -> None:
    place, heading = walls.reflect(torch.tensor([[[21.0, 0.0], [0.0, 5.0]]]), torch.tensor([[0.3, 1.0]]))
    assert place[0].numpy() == pytest.approx(np.array([[19.0, 0.0], [0.0, 5.0]]))
    mirrored = np.pi - 0.3
    assert np.cos(heading[0].numpy()) == pytest.approx([np.cos(mirrored), np.cos(1.0)])
    assert np.sin(heading[0].numpy()) == pytest.approx([np.sin(mirrored), np.sin(1.0)])


def test_a_wall_off_the_axes_mirrors_in_its_tangent() -> None:
    at = np.deg2rad(60)
    _, heading = Dish(10.0).reflect(
        torch.tensor([[[10.5 * np.cos(at), 10.5 * np.sin(at)]]]).float(), torch.tensor([[0.0]])
    )
    normal, before = np.array([np.cos(at), np.sin(at)]), np.array([1.0, 0.0])
    after = before - 2 * (before @ normal) * normal
    assert np.array([np.cos(heading.item()), np.sin(heading.item())]) == pytest.approx(after, abs=1e-6)


@pytest.mark.parametrize("walls", [Dish(9.0), Box(20.0, 12.0)])
def test_nobody_leaves(walls: Dish | Box) -> None:
    arena = larvae(Scene(walls=walls), worlds=2, agents=8)
    track = forage(arena, RandomWalk(), rngs(2), 20.0)
    if isinstance(walls, Dish):
        assert np.linalg.norm(track.place, axis=-1).max() <= 9.0 + 1e-4
    else:
        assert (np.abs(track.place) <= np.array([10.0, 6.0]) + 1e-4).all()
    assert np.abs(track.place).max() > 5


def test_what_is_eaten_and_what_is_left_add_up_to_what_there_was() -> None:
    scene = Scene(
        drops=(Drop(3.0, 0.0, "a", food_s=4.0), Drop(-3.0, 0.0, "a", food_s=2.5), Drop(0.0, 3.0, "a")), walls=Dish(8.0)
    )
    arena = larvae(scene, worlds=3, agents=12)
    track = forage(arena, RunAndTurn(), rngs(3), 40.0)
    left = arena.now.food_s.numpy()
    assert track.intake_s.sum(1) + left.sum(1) == pytest.approx(np.full(3, 6.5), rel=1e-5)
    assert (left >= 0).all() and left.sum() < 0.7 * 3 * 6.5 and track.eaten.max() <= 1


def test_the_last_bite_is_shared_alike_and_an_eaten_drop_smells_no_more() -> None:
    scene = Scene(drops=(Drop(2.0, 0.0, "a", food_s=0.15),))
    arena = larvae(scene, agents=3)
    arena.put(posed(arena, [[0.0, 0.0], [4.0, 0.0], [20.0, 0.0]], [0.0, np.pi, 0.0]))
    still = torch.zeros(1, 3, 2)
    _, eaten = arena.step(still)
    assert eaten[0].numpy() == pytest.approx([0.75, 0.75, 0.0])  # 0.15 s of food for two who could eat 0.1 s each
    assert arena.now.food_s.item() == 0
    sense, eaten = arena.step(still)
    assert not eaten.any() and not sense[0, :, :4].any() and not sense[0, :, arena.senses.index("food left")].any()


def test_animals_feel_the_wall_and_one_another() -> None:
    arena = larvae(Scene(walls=Dish(20.0), company_mm=2.0), agents=3)
    sense = arena.put(posed(arena, [[0.0, 0.0], [3.0, 0.0], [0.0, 19.0]], [0.0, 0.0, np.pi / 2]))[0]
    touch, company = (sense[:, arena.senses.index(f"{what} left")].numpy() for what in ("touch", "company"))
    # The first one's nose at (2, 0) is 1 mm from the middle of the second, whose own nose at (5, 0) is 5 mm from the first.
    assert touch.tolist() == [1.0, 0.0, 1.0]
    assert company[:2] == pytest.approx([np.exp(-1 / 8), np.exp(-25 / 8)], rel=1e-3)


def test_animals_in_another_order_live_the_same_lives_in_that_order() -> None:
    scene = Scene(drops=(Drop(4.0, 0.0, "a", food_s=3.0),), walls=Dish(12.0), company_mm=2.0)
    arena, order = larvae(scene, agents=5), torch.tensor([3, 0, 4, 1, 2])
    arena.start(rngs(1))
    first = arena.now
    pose = Pose(*(getattr(first.pose, name)[:, order] for name in ("place", "heading", "bend", "phase")))
    again = replace(first, pose=pose, memory=first.memory[:, order])
    actions = torch.rand(100, 1, 5, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one = [arena.step(action) for action in actions]
    arena.put(again)
    other = [arena.step(action[:, order]) for action in actions]
    for (sense, eaten), (sense_again, eaten_again) in zip(one, other, strict=True):
        assert torch.allclose(sense[:, order], sense_again, atol=1e-5) and torch.equal(eaten[:, order], eaten_again)
    assert sum(eaten.sum() for _, eaten in one) > 0


@pytest.mark.parametrize("forager", [RandomWalk, RunAndTurn, TrueGradient])
def test_the_same_seed_gives_the_same_life_on_one_thread_and_on_two(forager: type) -> None:
    scene = Scene(drops=(DROP,), company_mm=2.0, air=Wind(rngs(1)[0]))
    tracks = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        tracks.append(forage(larvae(scene, worlds=1, agents=200), forager(), rngs(1), 0.5))
    torch.set_num_threads(before)
    assert np.array_equal(tracks[0].place, tracks[1].place) and np.array_equal(tracks[0].sense, tracks[1].sense)


def test_a_world_begins_anew_without_the_others_noticing() -> None:
    arena = larvae(worlds=3)
    forage(arena, RandomWalk(), rngs(3), 5.0)
    before = arena.now
    arena.start(rngs(1, 9), [1])
    assert torch.equal(arena.now.pose.place[[0, 2]], before.pose.place[[0, 2]])
    assert arena.now.time_s.tolist() == pytest.approx([5.0, 0.0, 5.0], abs=1e-3)
    alone = larvae()
    alone.start(rngs(1, 9))
    assert torch.equal(arena.now.pose.place[1], alone.now.pose.place[0])


# Behaviours and scores


@pytest.mark.parametrize("body", [Larva(step_s=0.25), Worm(step_s=0.25, speed_mm_s=1.0)])
def test_nobody_prefers_what_it_cannot_smell_and_who_knows_the_slope_arrives(body: Crawler) -> None:
    scene = Scene(drops=(Drop(10.0, 0.0, "diacetyl", food_s=1e6),), walls=Dish(18.0), start_mm=1.0)
    nose = LarvaNose(("diacetyl",), {"diacetyl": np.array([0.5])}) if body.name == "larva" else None
    found = {}
    for forager in (Still(), RandomWalk(), RunAndTurn(), TrueGradient()):
        track = forage(Arena(scene, body, 1, 300, nose), forager, rngs(1), 40.0)
        rng = np.random.default_rng(0)
        found[forager.name] = (preference(track, rng), approach(track, (10.0, 0.0), rng), intake(track, rng))
    assert found["still"][0].value == found["still"][2].value == 0
    assert found["random walk"][0].low <= 0 <= found["random walk"][0].high
    assert found["run and turn"][0].low > 0
    assert found["true gradient"][0].value == 1.0 and found["true gradient"][1].value > 0.45
    assert found["true gradient"][2].value > found["run and turn"][2].value


def test_runs_and_turns_last_as_long_as_the_habit_says() -> None:
    arena = larvae(Scene(walls=Dish(1000.0)), agents=1500)
    forager = RandomWalk()
    sense = arena.start(rngs(1))
    forager.restart(arena, torch.Generator().manual_seed(0))
    forward = torch.stack([forager.step(sense)[0, :, 0] for _ in range(300)])
    ends = ((forward[:-1] == 1) & (forward[1:] == 0)).sum() / (forward == 1).sum() / 0.1
    begins = ((forward[:-1] == 0) & (forward[1:] == 1)).sum() / (forward == 0).sum() / 0.1
    # A Poisson process looked at every 0.1 s.
    assert ends.item() == pytest.approx((1 - np.exp(-0.0148)) / 0.1, rel=0.03)
    assert begins.item() == pytest.approx((1 - np.exp(-0.2)) / 0.1, rel=0.03)


def test_a_cast_that_reaches_its_limit_goes_to_the_other_side() -> None:
    arena = larvae(agents=2)
    moment = posed(arena, [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0])
    limit = float(np.deg2rad(120))
    walk = Walk(arena, torch.Generator().manual_seed(0))
    walk._turning[:] = True
    arena.put(replace(moment, pose=replace(moment.pose, bend=torch.tensor([[limit, -limit]]))))
    assert walk.step(turn_ends=0.0)[0, :, 1].tolist() == [-1.0, 1.0]


def test_indices_are_what_their_definitions_say() -> None:
    place = np.array([[[[10.0, 0.0], [10.0, 0.0], [10.0, 0.0]]], [[[20.0, 0.0], [-8.0, 0.0], [4.0, 1.0]]]])
    track = Track(0.1, place, np.zeros((2, 1, 3, 1)), np.array([[[1.0, 0, 0]], [[0.5, 0, 0]]]))
    rng = np.random.default_rng(0)
    assert preference(track, rng).value == 0  # one here, one there, one in the strip
    ends = 1 - np.array([0.0, 28.0, np.hypot(16.0, 1.0)]) / 10
    assert approach(track, (20.0, 0.0), rng).value == pytest.approx(ends.sum() / 6)
    assert track.intake_s[0] == pytest.approx([0.15, 0, 0]) and intake(track, rng).value == pytest.approx(0.25)


def test_a_picture_of_the_field_ends_at_the_wall() -> None:
    x, y, field = grid(Scene(drops=(DROP,)), 5.0)
    assert np.isnan(field[0, 0]) and field.shape == (len(y), len(x))
    assert np.nanargmax(field) == np.ravel_multi_index((np.abs(y).argmin(), np.abs(x - 30).argmin()), field.shape)


# Mistakes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: larvae(Scene(drops=(Drop(60.0, 0.0, "a"),))), "lies beyond the wall"),
        (lambda: larvae(agents=0), "has nobody in it"),
        (lambda: Drop(0.0, 0.0, "a", dose=-1.0), "dose -1.0"),
        (lambda: Drop(0.0, 0.0, "a", food_s=np.nan), "food_s nan"),
        (lambda: StillAir(0.0), "reach_mm 0.0"),
        (lambda: Wind(rngs(1)[0], rate_hz=0.0), "rate_hz 0.0"),
        (lambda: Box(0.0, 3.0), "finite numbers above 0"),
        (lambda: Scene(start_mm=50.0), "beyond the wall"),
        (lambda: Larva(speed_mm_s=-1.0), "speed_mm_s -1.0"),
        (lambda: larvae().now, "call start first"),
        (lambda: larvae().start(rngs(2)), "give one each"),
        (lambda: forage(larvae(), Still(), rngs(1), -1.0), "cannot be lived"),
    ],
)
def test_what_cannot_be_gets_one_sentence(wrong: object, said: str) -> None:
    with pytest.raises(BodyError, match=said) as raised:
        wrong()  # type: ignore[operator]
    assert str(raised.value).count("\n") == 0 and str(raised.value).endswith(".")


def test_actions_of_another_shape_and_actions_that_are_no_numbers_are_refused() -> None:
    arena = larvae()
    arena.start(rngs(1))
    with pytest.raises(BodyError, match=r"give \(1, 1, 2\)"):
        arena.step(torch.zeros(1, 2, 2))
    with pytest.raises(BodyError, match="not finite"):
        arena.step(torch.full((1, 1, 2), torch.nan))


def test_an_unknown_odour_is_answered_with_known_ones() -> None:
    with pytest.raises(UnknownName, match="did you mean 'diacetyl'"):
        WormNose(("diacetil",))
    with pytest.raises(UnknownName, match="larval receptors called 'c'"):
        LarvaNose(("c",), MEASURED)


def test_every_reference_has_a_name_and_every_arena_the_general_senses() -> None:
    assert len({forager.name for forager in REFERENCES}) == len(REFERENCES) == 4
    assert larvae().senses[-len(GENERAL) :] == GENERAL
    assert DIFFUSIVITY == 8.9
