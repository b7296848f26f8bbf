"""Rebuild every embedded connectome array from the packages it was taken from.

    python scripts/rebuild_embedded.py --wheels DIR            # write src/anlage/connectome/embedded
    python scripts/rebuild_embedded.py --wheels DIR --check    # rebuild elsewhere and compare array by array

Wheels that are not in DIR are fetched with ``pip download --no-deps``; each is checked against its pinned sha256 and
read as a zip file, never installed and never imported. The arrays are written with fixed timestamps and sorted keys, so
the same zlib gives the same bytes; ``--check`` compares contents, because another zlib may compress differently.
"""

import argparse
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rebuild.fly import larval_odour, mushroom_body, optic_lobe, trained_optic_lobes
from rebuild.wheel import WHEELS, Arrays, Wheel
from rebuild.worm import signs_of, worm, worm_animal, worm_extrasynaptic, worm_male, worm_neurons

EMBEDDED = Path(__file__).resolve().parent.parent / "src" / "anlage" / "connectome" / "embedded"


def build(wheels: Path) -> dict[str, Arrays]:
    """Every embedded file name with its arrays."""
    cect, c302, graspologic, flyvis, flycns, wormneuroatlas, interpreter = (Wheel(pin, wheels) for pin in WHEELS)
    sign, transmitter = signs_of(wormneuroatlas)
    neurons = worm_neurons(cect, c302, transmitter)
    names = [str(n) for n in neurons["neuron"]]
    hermaphrodite = [str(n) for n in neurons["neuron"][neurons["hermaphrodite"]]]
    animals = [worm_animal(cect, f"WitvlietDataReader{i}", hermaphrodite, f"_{i}") for i in range(1, 9)]
    trained = trained_optic_lobes(flycns)
    return {
        "worm_neurons": neurons,
        "worm": worm(cect, sign, hermaphrodite),
        "worm_male": worm_male(cect, names),
        "worm_witvliet": {k: v for animal in animals for k, v in animal.items()},
        "worm_extrasynaptic": worm_extrasynaptic(cect),
        "mushroom_body": mushroom_body(graspologic),
        "optic_lobe": optic_lobe(flyvis, trained),
        "trained_optic_lobes": trained,
        "larval_odour": larval_odour(interpreter),
    }


def npz_bytes(arrays: Arrays) -> bytes:
    """A compressed .npz that depends on nothing but the arrays (and zlib)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key in sorted(arrays):
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            array = io.BytesIO()
            np.lib.format.write_array(array, np.ascontiguousarray(arrays[key]), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, array.getvalue(), compresslevel=9)
    return buffer.getvalue()


def write(files: Mapping[str, Arrays], folder: Path) -> None:
    """Write every file and the list of their sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = []
    for name in sorted(files):
        data = npz_bytes(files[name])
        (folder / f"{name}.npz").write_bytes(data)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}.npz\n")
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def differences(files: Mapping[str, Arrays], folder: Path) -> list[str]:
    """One sentence per array of ``folder`` that is not what the wheels say."""
    found = [f"{p.name} is not rebuilt from any wheel." for p in folder.glob("*.npz") if p.stem not in files]
    for name, arrays in files.items():
        if not (path := folder / f"{name}.npz").exists():
            found.append(f"{path.name} is missing.")
            continue
        with np.load(path, allow_pickle=False) as kept:
            found += [f"{path.name} has the keys {sorted(kept)}, not {sorted(arrays)}."] * (set(kept) != set(arrays))
            for key in sorted(set(kept) & set(arrays)):
                a, b = kept[key], arrays[key]
                if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                    found.append(f"{path.name}: array {key!r} differs.")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Rebuild the embedded connectomes from their wheels.")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels; missing ones are downloaded into it")
    parser.add_argument("--check", action="store_true", help="compare with what is committed instead of writing")
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="folder to write to or to check")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = given.wheels or Path(temporary)
        wheels.mkdir(parents=True, exist_ok=True)
        files = build(wheels)
    if given.check:
        found = differences(files, given.out)
        print("\n".join(found) or f"All {len(files)} embedded files hold what the wheels hold.")
        return int(bool(found))
    write(files, given.out)
    for path in sorted(given.out.glob("*.npz")):
        print(f"{path.stat().st_size:>8,} bytes  {path.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
