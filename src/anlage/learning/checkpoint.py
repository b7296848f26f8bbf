"""Everything needed to go on, in one file: safetensors, with a JSON header. Never pickle."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from anlage.errors import AnlageError, CheckpointError

FORMAT = "anlage-checkpoint-1"


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that whoever looks sees either the old or the new content, also after a power cut.

    Raises ``AnlageError`` when the disk is full or the folder cannot be written; the old content is then still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise AnlageError(
            f"{path} could not be written ({error.strerror}); make room or choose another folder, and run the same command "
            "again: what was written before is untouched."
        ) from error


def write_checkpoint(path: Path, identity: str, tensors: Mapping[str, Tensor], progress: Mapping[str, object]) -> None:
    """Save tensors and a JSON-able ``progress`` under the identity of what they were made with."""
    plain = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    header = {
        "format": FORMAT,
        "identity": identity,
        "sha256": _checksum(plain),
        "progress": json.dumps(progress),
    }
    write_atomic(path, save(plain, metadata=header))


def read_checkpoint(path: Path, identity: str) -> tuple[dict[str, Tensor], dict[str, object]]:
    """The tensors and progress of a checkpoint.

    Raises ``CheckpointError`` when the file is damaged, is no checkpoint of ours, or has another identity.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or is not a checkpoint ({error}); delete it to start this run from the beginning."
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this version of anlage; delete it or choose another run folder."
        )
    if header["identity"] != identity:
        raise CheckpointError(
            f"{path} belongs to another recipe or another wiring (identity {header['identity']}, here it is {identity}); choose "
            "another run folder, or restore what the checkpoint was made with."
        )
    if header["sha256"] != _checksum(tensors):
        raise CheckpointError(
            f"{path} is damaged (its numbers are not the ones saved); delete it to start this run from the beginning."
        )
    return tensors, json.loads(header["progress"])


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """Checksum of all names and numbers; safetensors has none of its own."""
    total = sha256()
    for name in sorted(tensors):
        total.update(name.encode() + b"\0" + tensors[name].cpu().numpy().tobytes())
    return total.hexdigest()


def read_json(path: Path, check: Callable[[dict[str, object]], bool]) -> dict[str, object] | None:
    """A JSON object that passes ``check``, or None when the file is absent, damaged or foreign."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and check(content) else None


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Save a JSON object, atomically; numbers that are not finite are refused."""
    write_atomic(path, json.dumps(content, indent=1, allow_nan=False).encode())


def write_text(path: Path, text: str) -> None:
    """Save text as UTF-8, atomically."""
    write_atomic(path, text.encode())


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; raises ``AnlageError`` when there is none that can be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnlageError(f"{path} cannot be read as text ({error}); check the path and try again.") from error
