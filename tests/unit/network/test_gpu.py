"""The host side of the Triton kernels here; the kernels in processes of their own, interpreted and compiled."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from anlage.network import gpu

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
CUDA = torch.cuda.is_available()

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed (pip install 'anlage[gpu]')"
)


def run_tests(file: str, cache: Path, *, interpret: bool) -> None:
    """Run the tests of a file in a new process, and fail with what it printed."""
    environment = {**os.environ, "TRITON_CACHE_DIR": str(cache), "TRITON_INTERPRET": str(int(interpret))}
    command = [sys.executable, "-m", "pytest", "--tb=short", "-p", "no:cacheprovider", str(HERE / file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-2000:]}"


@needs_triton
def test_the_kernels_give_the_numbers_of_double_precision(tmp_path: Path) -> None:
    run_tests("gpu_cases.py", tmp_path, interpret=not CUDA)


@needs_triton
def test_the_kernels_compile_for_gpus_that_are_not_here(tmp_path: Path) -> None:
    run_tests("gpu_compiled.py", tmp_path, interpret=False)


@pytest.mark.skipif(CUDA, reason="this machine has a GPU: `python benchmarks/gpu.py` measures it")
def test_the_benchmark_without_a_gpu_says_so_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    before = set((ROOT / "benchmarks" / "results").iterdir())
    runpy.run_path(str(ROOT / "benchmarks" / "gpu.py"), run_name="__main__")
    assert "no CUDA device" in capsys.readouterr().out
    assert set((ROOT / "benchmarks" / "results").iterdir()) == before


def test_weights_in_main_memory_or_in_double_precision_are_left_to_the_other_crossings() -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert not gpu.usable(torch.ones(3, dtype=dtype))


def test_a_machine_where_triton_is_missing_or_broken_takes_the_torch_path_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise RuntimeError("Failed to find C compiler")

    device = torch.device("cpu")
    for found, said in ((None, "pip install 'anlage\\[gpu\\]'"), (object(), "Failed to find C compiler")):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=found: found)
        monkeypatch.setattr(gpu, "_kernels", broken)
        gpu._works.cache_clear()
        with pytest.warns(RuntimeWarning, match=said) as warned:
            assert not gpu._works(device)
            assert not gpu._works(device)
        assert len(warned) == 1
    gpu._works.cache_clear()


def test_rows_are_cut_into_equal_pieces_that_cover_every_edge_once_and_in_order() -> None:
    degree = [0, 1, 512, 513, 0, 5000, 3, 0]
    start = torch.tensor([0, *degree], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    segments = gpu.Segments.of(start, 512)
    assert (segments.n_neurons, segments.n_edges, segments.n_parts) == (len(degree), sum(degree), 2 + 10)
    edge = part = 0
    for neuron, n in enumerate(degree):
        rows = segments.table[segments.table[:, 2] == neuron].tolist()
        assert len(rows) == max(1, -(-n // 512))
        for first, end, _, which in rows:
            assert first == edge
            assert end - first in (n // len(rows), n // len(rows) + 1)
            assert which == (part if len(rows) > 1 else -1)
            edge, part = end, part + (len(rows) > 1)
    assert edge == sum(degree)
    assert segments.join.tolist() == [[0, 2, 3, -1], [2, 12, 5, -1]]
