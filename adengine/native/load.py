"""Whether the compiled modules may serve. `tools/build_native.py` makes them and their stamp.

What has a twin in Python (`native`) is imported from there, or is None; `express` is asked for by `wiring`.
"""

from __future__ import annotations

import importlib
import json
import sysconfig
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = ("express", "native")
STAMP = PACKAGE / "native" / "_built.json"
"""{"abi": what it was compiled for, "sources": {file name: SHA-256}}; there only behind a whole build."""
ABI = str(sysconfig.get_config_var("SOABI"))
"""Python's kind and version and the machine's, such as cpython-311-x86_64-linux-gnu."""
MAKE = "make it with: make .venv/native"
_broken: list[str] = []
"""What could not be imported, and why."""


def module(name: str) -> ModuleType | None:
    """A compiled module, such as `native.talk`; None if it cannot serve, which `unbuilt` explains."""
    if unbuilt() is not None:
        return None
    try:
        return importlib.import_module(f"adengine.{name}")
    except Exception as error:  # noqa: BLE001  # Cython raises all kinds where two do not fit together
        _broken.append(f"{name} cannot be imported ({error}); {MAKE}")
        return None


def unbuilt() -> str | None:
    """None if the compiled modules can serve; else why not, in words. The files are looked at once in a process.

    Modules of other sources or of another Python are not imported, as they might answer otherwise or crash. Behind one
    that could not be imported no further one is.
    """
    return examined() or next(iter(_broken), None)


@cache
def examined() -> str | None:
    """Why not, by the files."""
    try:
        stamp = json.loads(STAMP.read_bytes())
        abi, compiled = stamp["abi"], stamp["sources"]
    except FileNotFoundError:
        return f"it has not been compiled; {MAKE}"
    except (OSError, ValueError, TypeError, KeyError) as error:
        return f"{STAMP.name} cannot be read ({error}); {MAKE}"
    if abi != ABI:
        return f"it was compiled for {abi}, and this is {ABI}; {MAKE}"
    if compiled != sources():
        return f"its sources have changed since it was compiled; {MAKE}"
    return None


def modules() -> list[str]:
    """The names of what is compiled, such as `native.talk`, sorted."""
    return sorted(f"{path.parent.name}.{path.stem}" for path in _files("pyx"))


def sources() -> dict[str, str]:
    """The SHA-256 of every file that compiled modules are made of, by name."""
    return {
        f"{path.parent.name}/{path.name}": sha256(path.read_bytes()).hexdigest()
        for path in (*_files("pyx"), *_files("pxd"))
    }


def _files(ending: str) -> list[Path]:
    return [path for folder in FOLDERS for path in (PACKAGE / folder).glob(f"*.{ending}")]
