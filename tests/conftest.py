import os
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_configure() -> None:
    # Before collection, so that skip conditions see it, and in the environment, so that subprocesses inherit it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if SHARED_DATA.is_dir():
        os.environ.setdefault("ANLAGE_DATA", str(SHARED_DATA))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    # The variable above comes too late for libraries that are loaded by now.
    threadpool_limits(1)
    # Importing torch here would cost seconds in the rooms that do without it.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
