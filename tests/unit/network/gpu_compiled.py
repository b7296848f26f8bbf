"""The Triton kernels compiled for GPUs that are not here; ``test_gpu.py`` runs this in a process of its own.

The interpreter forgives what the compiler does not. Here the host side runs as it would, its arguments are specialised as they
would be, and every launch ends after compiling; only the launch itself and the clock are left to a machine with a GPU.
"""

import re

import numpy as np
import pytest
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from anlage.network import Leaky, Wiring, gpu
from anlage.topology import Topology

N = 12


class Absent:
    """Stands for a GPU of one compute capability to everything that asks before a launch."""

    def __init__(self, capability: int) -> None:
        self._capability = capability

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self._capability, 32)

    def get_current_device(self) -> int:
        return self._capability

    def get_current_stream(self, device: int) -> int:
        return 0


@pytest.fixture(params=[80, 90])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Name and PTX of every kernel that would have been launched on a GPU of this capability."""
    run, seen = JITFunction.run, []

    def compile_only(self, *args, warmup: bool, **kwargs):
        kernel = run(self, *args, warmup=True, **kwargs)
        assert kernel.asm["cubin"]
        seen.append((kernel.name, kernel.asm["ptx"]))
        return kernel

    monkeypatch.setattr(JITFunction, "run", compile_only)
    monkeypatch.setattr(gpu, "SEGMENT", 8)
    driver.set_active(Absent(request.param))
    return seen


@pytest.mark.parametrize(("batch", "dtype"), [(1, torch.float32), (32, torch.float32), (33, torch.bfloat16)])
def test_every_launch_compiles_and_adds_nothing_atomically(
    compiled: list[tuple[str, str]], batch: int, dtype: torch.dtype
) -> None:
    star = Topology.of(N, np.arange(N), np.full(N, 3), np.ones(N))  # its one row is cut, its columns are not
    crossing = gpu.TritonCrossing(Wiring(star), torch.ones(N, dtype=dtype))
    state, rate = (torch.ones(N, batch, dtype=dtype) for _ in range(2))
    crossing.edges(state, state)
    crossing.advance(Leaky(0.5, "relu" if batch == 1 else "tanh"), state, state, rate)
    assert [name for name, _ in compiled] == ["edge_sums", "product", "product"]
    crossing.backward(state)
    for name, ptx in compiled:
        assert not re.search(r"\b(atom|red)\.", ptx), name
        assert not re.search(r"\.(ld|st)?\.?local\b", ptx), f"{name} keeps numbers in local memory"
        # Whole states are gathered sixteen bytes at a time where rows are aligned.
        assert (".v4.b32" in ptx) == (batch == 32), name
