import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from anlage import load
from anlage.study.canvas import MUTED
from anlage.study.wiring_figure import NEGATIVE, POSITIVE, matrix_picture
from anlage.study.wiring_picture import wiring_picture


@pytest.fixture(scope="module")
def png() -> bytes:
    return wiring_picture(load("worm-witvliet-1"))


def test_the_picture_is_a_png_of_the_promised_size_and_always_the_same(png: bytes) -> None:
    assert imread(io.BytesIO(png)).shape == (1400, 2200, 4)
    assert wiring_picture(load("worm-witvliet-1")) == png


def test_the_matrix_of_the_picture_shows_every_edge(png: bytes) -> None:
    """Read back: cells of the matrix that are not paper are as many as there are pairs of neurons with an edge."""
    worm = load("worm-witvliet-1")
    gap = worm.kind.is_("gap_junction")
    pairs = {*zip(worm.post, worm.pre, strict=True), *zip(worm.pre[gap], worm.post[gap], strict=True)}
    n, (left, top, size) = worm.n_neurons, (92, 196, 470)
    centres = ((np.arange(n) + 0.5) * size / n * 2).round().astype(int)
    image = imread(io.BytesIO(png))[..., :3]
    cells = image[np.ix_(2 * top + centres, 2 * left + centres)]
    paper = image[0, 0]
    # The lines between roles and the frame lie on a few cells.
    drawn = np.abs(cells - paper).max(axis=2) > 0.1
    assert abs(int(drawn.sum()) - len(pairs)) < 0.02 * n * 6


def test_cells_take_the_colour_of_the_sign_that_prevails_and_grey_without_any() -> None:
    receiver, sender = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 0])
    sign, amount = np.array([1, -1, -1, 0, 0, 1]), np.array([3.0, 1.0, 2.0, 9.0, 4.0, 1.0])
    picture = matrix_picture((receiver, sender), amount, sign, 3)
    colour = {(0, 0): POSITIVE, (1, 1): NEGATIVE, (1, 2): MUTED, (2, 0): POSITIVE}
    for cell, wanted in colour.items():
        np.testing.assert_allclose(picture[cell][:3], to_rgb(wanted))
        assert picture[cell][3] >= 0.25
    empty = [(i, j) for i in range(3) for j in range(3) if (i, j) not in colour]
    assert all(picture[cell][3] == 0 for cell in empty)
    assert picture[1, 1][3] > picture[2, 0][3], "more synapses are darker"


@pytest.mark.parametrize("name", ["optic-lobe-1", "mushroom-body-left"])
def test_every_kind_of_connectome_can_be_drawn(name: str) -> None:
    assert wiring_picture(load(name)).startswith(b"\x89PNG")
