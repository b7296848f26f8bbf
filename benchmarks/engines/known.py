"""The engines by name, what each needs, and how one's own joins them."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from numpy import ndarray

from engines.case import Task

Prepare = Callable[[Task], Callable[[], tuple[ndarray, ...]]]
"""Everything that is not timed happens here; what it returns is timed, and returns what ``oracle.RESULTS`` lists.

Raises ``CannotRun`` for what the engine has no way to do.
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """``place``: module and function in this folder. ``package``: must be installed. ``imports``: loaded before memory counts."""

    name: str
    place: str
    package: str
    imports: tuple[str, ...]

    @property
    def version(self) -> str:
        """Version of its package; empty when that is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""

    def load(self) -> Prepare:
        """Import all it needs."""
        for name in self.imports:
            importlib.import_module(name)
        module, function = self.place.split(":")
        found: Prepare = getattr(importlib.import_module(f"engines.{module}"), function)
        return found


TORCH = ("torch", "torch.fx.experimental.symbolic_shapes", "anlage.network.unroll")
"""torch imports the second at the first gradient, which is not the engine's doing; with the third anlage shares the process."""
JAX = ("jax", "jax.experimental.sparse")

ENGINES = {
    engine.name: engine
    for engine in (
        Engine("anlage", "of_torch:anlage", "anlage", TORCH),
        Engine("scipy CSR (hand-written)", "of_numpy:scipy_csr", "scipy", ("scipy.sparse",)),
        Engine("torch sparse CSR", "of_torch:sparse_csr", "torch", TORCH),
        Engine("torch index_add", "of_torch:index_add", "torch", TORCH),
        Engine("gather-scatter (flyvis)", "of_torch:gather_scatter", "torch", TORCH),
        Engine("torch dense", "of_torch:dense", "torch", TORCH),
        Engine("PyG MessagePassing", "of_torch:pyg_message_passing", "torch-geometric", (*TORCH, "torch_geometric.nn")),
        Engine("PyG EdgeIndex", "of_torch:pyg_edge_index", "torch-geometric", (*TORCH, "torch_geometric.nn")),
        Engine("JAX BCOO", "of_jax:bcoo", "jax", JAX),
        Engine("JAX segment_sum", "of_jax:segment_sum", "jax", JAX),
        Engine("brainevent CSR", "of_jax:brainevent", "brainevent", (*JAX, "brainevent", "engines.numba_awake")),
        Engine("flydnet", "of_numpy:flydnet", "flydnet", ("flydnet.ganglion",)),
        Engine("reservoirpy", "of_numpy:reservoirpy", "reservoirpy", ("reservoirpy.nodes",)),
    )
}
OURS = "anlage"


def imports(name: str) -> tuple[str, ...]:
    """What the engine's process imports first; engines with the same imports share it. Files of one's own import theirs."""
    return ENGINES[name].imports if name in ENGINES else ()


def load(name: str) -> Prepare:
    """The ``prepare`` of a known engine, or of a file of one's own that defines a function of that name."""
    if name in ENGINES:
        return ENGINES[name].load()
    specification = importlib.util.spec_from_file_location("engine_of_ones_own", Path(name))
    if specification is None or specification.loader is None:
        raise ValueError(f"{name} is not a Python file; give one that defines prepare(task).")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found: Prepare = module.prepare
    return found
