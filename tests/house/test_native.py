"""What import-linter cannot see: compiled modules keep to the layers too."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "adengine"
IMPORT = re.compile(r"^\s*(?:from|c?import)\s+adengine(?:\.|\s+c?import\s+)(\w+)", re.M)


def below_express() -> set[str]:
    """The slices of the layers below."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]
    layers = [set(layer.split(" | ")) for layer in contract["layers"]]
    return set().union(*layers[layers.index({"express"}) + 1 :])


def imported_by(files: Iterable[Path]) -> dict[str, set[str]]:
    """The slices that each file imports."""
    return {str(path.relative_to(PACKAGE)): set(IMPORT.findall(path.read_text("utf-8"))) for path in files}


def compiled(slice_: str) -> list[Path]:
    return [*(PACKAGE / slice_).glob("*.pyx"), *(PACKAGE / slice_).glob("*.pxd")]


def test_the_line_of_fills_imports_downwards_only() -> None:
    allowed = below_express() | {"express"}
    found = imported_by(compiled("express"))
    assert found and {name: slices - allowed for name, slices in found.items() if not slices <= allowed} == {}


def test_twins_import_nothing_of_ours() -> None:
    found = imported_by(compiled("native"))
    assert found and {name: slices for name, slices in found.items() if not slices <= {"native"}} == {}


def test_nothing_below_imports_the_line_of_fills() -> None:
    below = below_express()
    parts = {path: path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    found = imported_by(path for path, slice_ in parts.items() if slice_ in below)
    assert len(found) > 100 and [name for name, slices in found.items() if "express" in slices] == []


def test_the_check_sees_every_way_to_import() -> None:
    text = (
        "import adengine.console.pages\ncimport adengine.cli.x\nfrom adengine.bench import a\n"
        "    from adengine import serve\n"
        "from adengine.demo.y cimport z\nfrom adengine cimport wiring\nimport adengineer.simulate\n"
    )
    assert IMPORT.findall(text) == ["console", "cli", "bench", "serve", "demo", "wiring"]
