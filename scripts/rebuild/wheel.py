"""The pinned wheels: fetched, checked and opened as zip files."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from numpy import ndarray

Arrays = dict[str, ndarray]

WHEELS = {
    "cect==0.3.5": "ea47f7a6b0d69a8d0bd3b0ade4037b7cc32d31ad0449f823d7ec153d6fd25057",
    "c302==0.12.1": "65578a838a8cb52597c64a804b8ab7d5a3bf1b0cef23e196dd4385ac2a79c1b6",
    "graspologic==3.4.4": "4ea5cd50f10eaff3fa90f18a8f66b1f5f42c724ac6aeb95e9f081632fc8d2d00",
    "flyvis==1.2.0": "af365b16e870111fcb06782a063f6551b05cce9a105c6eaab9c0bda3b017031f",
    "flycns==0.7.0": "2a6057aab9653d6ff8ed1736825bbb1008235c6c297ddf56181a80290cc8745d",
    # A GPL package; only the CC BY supplement of Fenyves et al. 2020 that travels inside it is read.
    "wormneuroatlas==0.0.7.3": "166289031784c9565f6b9205e30dc718bafbc092db3b46f1aef73d93dc4d1325",
    "connectome-interpreter==2.9.5": "1d7e48ee8ab723e7ff9cfd601e64f845da0db0a59137d1a612b38a8615b80202",
}


class Wheel:
    """One wheel, opened as a zip file after its sha256 was checked."""

    def __init__(self, pin: str, folder: Path) -> None:
        name, version = pin.split("==")
        path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        if not path.exists():
            command = ["pip", "download", "--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--dest"]
            subprocess.run([sys.executable, "-m", *command, str(folder), pin], check=True)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != WHEELS[pin]:
            raise SystemExit(
                f"{path.name} has sha256 {digest}, but {WHEELS[pin]} is pinned; delete it and fetch it again."
            )
        self._zip = zipfile.ZipFile(path)

    def bytes(self, member: str) -> bytes:
        """The uncompressed bytes of one member."""
        return self._zip.read(member)

    def text(self, member: str) -> str:
        """One member as UTF-8 text."""
        return self.bytes(member).decode("utf-8")
