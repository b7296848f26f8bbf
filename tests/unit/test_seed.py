import numpy as np
import pytest

from anlage.seed import Seed


def draw(seed: Seed, n: int = 2000) -> np.ndarray:
    return seed.rng().normal(size=n)


def test_a_stream_is_a_function_of_its_root_and_path_and_of_nothing_else() -> None:
    one, other = Seed(7).child("stream").child(3), Seed(7, ("stream", "3"))
    assert one == other and one.integer == other.integer
    np.testing.assert_array_equal(draw(one), draw(other))
    np.testing.assert_array_equal(draw(one), draw(one))


def test_drawing_from_a_child_does_not_disturb_its_parent_or_its_siblings() -> None:
    seed = Seed(7)
    before = draw(seed), draw(seed.child("a"))
    draw(seed.child("b"))
    np.testing.assert_array_equal(before, (draw(seed), draw(seed.child("a"))))


def test_streams_of_different_paths_share_no_numbers_and_do_not_correlate() -> None:
    seeds = [
        Seed(root).child(name).child(step) for root in (0, 1) for name in ("weights", "stream") for step in (0, 1, 2)
    ]
    seeds += [Seed(0), Seed(1), Seed(0).child("weights"), Seed(0).child("weights").child("0").child("0")]
    streams = np.stack([draw(seed) for seed in seeds])
    assert len(np.unique(streams)) == streams.size
    correlation = np.corrcoef(streams) - np.eye(len(seeds))
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Seed(1).child("2"), Seed(12)),
        (Seed(1).child("ab").child("c"), Seed(1).child("a").child("bc")),
        (Seed(1).child("a").child("b"), Seed(1).child("ab")),
        (Seed(1).child("a").child("b"), Seed(1).child("b").child("a")),
        (Seed(1).child(""), Seed(1)),
    ],
)
def test_paths_that_read_alike_are_still_different_streams(one: Seed, other: Seed) -> None:
    assert one.integer != other.integer


def test_a_number_and_its_numeral_are_the_same_name() -> None:
    assert Seed(1).child(3) == Seed(1).child("3")


def test_the_integer_is_one_that_torch_and_numpy_both_take() -> None:
    integers = [Seed(root).child("x").integer for root in range(200)]
    assert all(0 <= number < 2**63 for number in integers) and len(set(integers)) == 200
    assert max(integers) > 2**60


def test_a_seed_means_the_same_numbers_for_ever() -> None:
    """Written down once: results name their seeds, and must stay repeatable. BLAKE2b of "7<US>weights", 8 bytes, halved."""
    from hashlib import blake2b

    digest = blake2b(b"7\x1fweights", digest_size=8).digest()
    assert Seed(7).child("weights").integer == int.from_bytes(digest, "little") // 2
