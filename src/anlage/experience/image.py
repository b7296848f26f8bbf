"""Images as sequences of patches, in reading order."""

from dataclasses import dataclass
from typing import final

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from anlage.connectome.source import Source
from anlage.connectome.store import read_arrays
from anlage.errors import RecipeError
from anlage.experience.experience import Recording, demand_data, patches


def _demand_patch(size: int, width: int) -> None:
    fitting = [n for n in range(1, width // 2 + 1) if width % n == 0]
    if size not in fitting:
        raise RecipeError(
            f"patch is {size}, but an image of {width} x {width} pixels is cut without rest by patches of "
            f"{', '.join(map(str, fitting))}; choose one of these."
        )


@final
@dataclass(frozen=True, slots=True)
class Digits:
    """Handwritten digits of 8 x 8 pixels (Alpaydin & Kaynak 1998), 1,437 for learning and 360 held out; part of scikit-learn."""

    patch: int = 2

    source = Source(
        key="alpaydin1998digits",
        title="Optical recognition of handwritten digits (the copy in scikit-learn)",
        version="1998",
        licence="CC BY 4.0",
        origin="scikit-learn",
        bibtex=(
            "@misc{alpaydin1998digits, author={Alpaydin, E. and Kaynak, C.}, title={Optical Recognition of Handwritten Digits}, "
            "year={1998}, publisher={UCI Machine Learning Repository}, doi={10.24432/C50P49}}"
        ),
        lossy="Only the 1,797 test images of the original 5,620.",
    )

    def __post_init__(self) -> None:
        _demand_patch(self.patch, 8)

    def open(self) -> Recording:
        """The recording; the split is stratified and the same at every call."""
        images, label = load_digits(return_X_y=True)
        cut = patches(images.reshape(-1, 8, 8).astype(np.uint8), self.patch)
        train, test = train_test_split(np.arange(len(label)), test_size=360, random_state=0, stratify=label)
        return Recording.of("image", cut[train], label[train], cut[test], label[test])


@final
@dataclass(frozen=True, slots=True)
class Mnist:
    """MNIST, 28 x 28 pixels; ``n_train`` images for learning, 10,000 held out. Needs the data folder."""

    patch: int = 4
    n_train: int = 60_000

    source = Source(
        key="lecun1998mnist",
        title="The MNIST database of handwritten digits",
        version="1998",
        licence="CC BY-SA 3.0",
        origin="https://github.com/rasbt/mnist-pngs",
        bibtex=(
            "@article{lecun1998mnist, author={LeCun, Y. and Bottou, L. and Bengio, Y. and Haffner, P.}, title={Gradient-based "
            "learning applied to document recognition}, journal={Proceedings of the IEEE}, volume={86}, pages={2278--2324}, "
            "year={1998}, doi={10.1109/5.726791}}"
        ),
    )

    def __post_init__(self) -> None:
        _demand_patch(self.patch, 28)
        if not 1 <= self.n_train <= 60_000:
            raise RecipeError(f"n_train is {self.n_train}, but MNIST has 1 to 60,000 training images.")

    def open(self) -> Recording:
        """The recording, in the original order."""
        data = read_arrays(demand_data("mnist/mnist.npz", "MNIST"), ("x_train", "y_train", "x_test", "y_test"))
        train, test = patches(data["x_train"][: self.n_train], self.patch), patches(data["x_test"], self.patch)
        train_label, test_label = (data[name].astype(np.int64) for name in ("y_train", "y_test"))
        return Recording.of("image", train, train_label[: self.n_train], test, test_label)
