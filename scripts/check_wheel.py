"""Build the wheel, install it where nothing else of ours is, and use it.

    python scripts/check_wheel.py            with the compiled kernels
    python scripts/check_wheel.py --no-cxx   as on a machine without a compiler

One wheel serves every Python from 3.11 on, because the kernels use the stable binary interface.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPE = """
name = "wheel"
[topology]
connectome = "mushroom-body-left"
[schedule]
steps = 2
batch = 2
log_every = 1
"""


def main() -> int:
    """Build, install, use; the exit status is that of the first step that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-cxx", action="store_true", help="pretend that there is no C++ compiler")
    missing = parser.parse_args().no_cxx
    environment = {**os.environ, **({"CC": "/bin/false", "CXX": "/bin/false"} if missing else {})}

    def run(*command: str | Path, cwd: Path) -> str:
        return subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
        (wheel,) = folder.glob("anlage-*.whl")
        print(wheel.name, f"{wheel.stat().st_size / 1e3:.0f} kB")
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
        kernels = run(
            python, "-c", "from anlage.network import kernel; print(kernel.instruction_set())", cwd=folder
        ).strip()
        print("kernels:", kernels)
        if (kernels == "none") != missing:
            raise SystemExit("The wheel has kernels where it should not, or lacks them where it should.")
        (folder / "recipe.toml").write_text(RECIPE)
        print(run(python, "-m", "anlage", "grow", "recipe.toml", cwd=folder).strip().splitlines()[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
