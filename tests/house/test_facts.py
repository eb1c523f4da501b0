"""One place for each fact, and none about the machine it was written on."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked(*endings: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [path for path in paths if path.suffix in endings and path.is_file() and "vendor" not in path.parts]


def test_store_keys_are_spelled_in_one_file() -> None:
    spelled = re.compile(r"""["'](?:fc|ft|ev|st|ep):\{""")
    ours = [path for path in tracked(".py", ".pyx", ".pxd", ".lua") if "tests" not in path.parts]
    found = [str(path.relative_to(ROOT)) for path in ours if spelled.search(path.read_text("utf-8"))]
    assert found == ["adengine/store/keys.py"]


def test_every_setting_names_its_variable_and_is_documented() -> None:
    text = (ROOT / "config/default.toml").read_text("utf-8")
    for name in tomllib.loads(text):
        assert f"ADENGINE_{name.upper()} " in text, name
        assert f"ADENGINE_{name.upper()}" in (ROOT / "docs/operating.md").read_text("utf-8"), name


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    strange = re.compile(r"(?<![\w.])/(?:work|root|farm)/|/tmp/\w+_jobs")
    texts = (".py", ".pyx", ".pxd", ".pyi", ".md", ".toml", ".txt", ".sh", ".js", ".css", ".html", ".lua", "")
    found = [path for path in tracked(*texts) if strange.search(path.read_text("utf-8", "ignore"))]
    assert [path for path in found if path != Path(__file__)] == []


def test_locked_dependencies_carry_hashes_and_name_no_registry() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        text = lock.read_text("utf-8")
        assert "--hash=sha256:" in text, lock.name
        assert "://" not in text and "index-url" not in text, lock.name


def test_the_open_doors_of_the_code_map_exist() -> None:
    named = re.findall(r"`(adengine/[\w/.]+)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert named and [name for name in named if not (ROOT / name).exists()] == []
