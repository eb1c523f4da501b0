"""Modules are compiled where they can be, are not used where they do not match, and are never needed to serve."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adengine import native

ROOT = Path(__file__).resolve().parents[2]
# Both folders, and modules of which one compiles against the other, in both ways of naming it.
SOURCES = {
    "native/reading.pyx": "def letters(id_: bytes) -> str:\n    return 'compiled'\n",
    "native/talk.pyx": "def ask() -> int:\n    return 0\n",
    "express/race.pxd": "cdef int twice(int x)\n",
    "express/race.pyx": "cdef int twice(int x):\n    return 2 * x\n",
    "express/line.pyx": (
        "cimport adengine.express.race\nfrom adengine.express.race cimport twice\n"
        "def quad(x: int) -> int:\n    return twice(adengine.express.race.twice(x))\n"
    ),
}
UNBUILT = "native.unbuilt()"
ALL = "[native.reading, native.talk, native.module('express.line')]"
WITHOUT = "pages will be served by Python alone, slower and alike"


class Copy:
    """A repository with these modules only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "adengine"
        self.stamp = self.package / "native" / "_built.json"
        for name in ("__init__.py", "native/__init__.py", "native/load.py", "express/__init__.py"):
            self._write(name, (ROOT / "adengine" / name).read_text("utf-8"))
        for name, text in SOURCES.items():
            self._write(name, text)
        shutil.copytree(ROOT / "tools", folder / "tools")
        (folder / ".cython").symlink_to(ROOT / ".cython")

    def _write(self, name: str, text: str) -> None:
        (self.package / name).parent.mkdir(parents=True, exist_ok=True)
        (self.package / name).write_text(text, "utf-8")

    def compiled(self, name: str = "*") -> list[Path]:
        return list(self.package.glob(f"*/{name}.*.so"))

    def build(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self._python("tools/build_native.py", *words, **environ)

    def says(self, expression: str) -> str:
        script = f"from adengine import native; print({expression})"
        done = self._python("-c", script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _python(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CC")}
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=kept | environ, capture_output=True, text=True, timeout=120
        )


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Copy(tmp_path_factory.mktemp("native") / "copy")
    done = copy.build("--required")
    assert done.returncode == 0, done.stderr
    return copy.folder


@pytest.fixture
def fresh(compiled: Path, tmp_path: Path) -> Copy:
    """A built copy that a test may spoil."""
    copy = Copy(tmp_path / "fresh")
    shutil.copytree(compiled / "adengine", copy.folder / "adengine", dirs_exist_ok=True)
    return copy


def test_these_tests_run_with_what_is_compiled() -> None:
    assert native.unbuilt() is None
    assert isinstance(native.reading, native.Reading) and isinstance(native.talk, native.Talk)
    assert native.module("express.line") is not None


def test_modules_that_compile_against_each_other_are_built_beside_their_sources(fresh: Copy) -> None:
    assert fresh.says("[native.reading.letters(b''), native.talk.ask()]") == "['compiled', 0]"
    assert fresh.says("[native.module('express.line').quad(3), native.unbuilt()]") == "[12, None]"
    built = {f"{path.parent.name}/{path.name.split('.')[0]}.pyx" for path in fresh.compiled()}
    assert built == {name for name in SOURCES if name.endswith("x")}
    assert list(fresh.package.glob("*/*.c")) == []


def test_before_a_build_it_says_how_to_build(copy: Copy) -> None:
    assert copy.says(UNBUILT) == "it has not been compiled; make it with: make .venv/native"
    assert copy.says(ALL) == "[None, None, None]"


@pytest.mark.parametrize("name", SOURCES)
def test_changed_sources_are_not_served_by_what_was_compiled_of_others(fresh: Copy, name: str) -> None:
    with (fresh.package / name).open("a") as file:
        file.write("# changed\n")
    assert fresh.says(UNBUILT).startswith("its sources have changed")
    assert fresh.says(ALL) == "[None, None, None]"


def test_a_source_more_or_less_is_a_change(fresh: Copy) -> None:
    more, line = fresh.package / "native" / "more.pyx", fresh.package / "express" / "line.pyx"
    more.write_text("")
    assert fresh.says(UNBUILT).startswith("its sources have changed")
    more.unlink()
    assert fresh.says(UNBUILT) == "None"
    line.unlink()
    assert fresh.says(UNBUILT).startswith("its sources have changed")


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        ('{"abi": "cpython-27-vax", "sources": {}}', "it was compiled for cpython-27-vax"),
        ('{"abi": "cpyth', "_built.json cannot be read"),
        ("[]", "_built.json cannot be read"),
        ("{}", "_built.json cannot be read"),
    ],
)
def test_a_strange_stamp_is_no_build(fresh: Copy, stamp: str, said: str) -> None:
    fresh.stamp.write_text(stamp)
    assert fresh.says(UNBUILT).startswith(said)


@pytest.mark.parametrize(("name", "before"), [("native.reading", 0), ("native.talk", 1), ("express.line", 2)])
def test_a_module_that_cannot_be_imported_and_those_behind_it_are_left_out(fresh: Copy, name: str, before: int) -> None:
    (broken,) = fresh.compiled(name.split(".")[1])
    broken.write_bytes(b"no such thing")
    found, why = json.loads(fresh.says(f"__import__('json').dumps([[bool(one) for one in {ALL}], {UNBUILT}])"))
    assert found == [number < before for number in range(3)]
    assert why.startswith(f"{name} cannot be imported (") and why.endswith(native.load.MAKE)


def test_a_module_that_fails_by_itself_is_left_out_too(copy: Copy) -> None:
    (copy.package / "express" / "line.pyx").write_text("[].no_such_method()\n")
    assert copy.build("--required").returncode == 0
    assert copy.says("native.module('express.line')") == "None"


def test_a_build_removes_what_has_lost_its_source_and_replaces_files_that_are_in_use(fresh: Copy) -> None:
    (used,) = fresh.compiled("race")
    before = used.stat().st_ino
    (fresh.package / "express" / "line.pyx").unlink()
    assert fresh.build("--required").returncode == 0
    assert fresh.compiled("line") == []
    assert used.stat().st_ino != before
    assert fresh.says(UNBUILT) == "None"


def test_without_a_compiler_one_line_says_so_and_what_was_built_before_is_not_used(fresh: Copy, tmp_path: Path) -> None:
    done = fresh.build(PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    why = "for want of a C compiler (on Debian: apt-get install gcc libc6-dev)"
    assert done.stdout == f"the fast lane is not compiled, {why}; {WITHOUT}\n"
    assert fresh.says(UNBUILT).startswith("it has not been compiled")
    done = fresh.build("--required", PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"the fast lane cannot be compiled, {why}\n")


def test_a_source_that_is_refused_is_shown_and_keeps_nobody_from_serving(copy: Copy) -> None:
    (copy.package / "express" / "line.pyx").write_text("def quad(x) return\n")
    done = copy.build()
    assert done.returncode == 0 and WITHOUT in done.stdout and "line.pyx:1" in done.stdout + done.stderr
    assert copy.build("--required").returncode == 1
    assert not copy.stamp.exists()


def test_headers_that_are_missing_or_that_the_compiler_cannot_read_are_told(tmp_path: Path) -> None:
    tool = the_tool()
    version = "{}.{}".format(*sys.version_info)
    with pytest.raises(tool.CannotBuild, match=rf"of Python\.h \(.*apt-get install python{version}-dev"):
        tool.usable("cc", str(tmp_path))
    with pytest.raises(tool.CannotBuild, match=rf"a C compiler and Python\.h \(.*gcc libc6-dev python{version}-dev"):
        tool.usable(None, str(tmp_path))
    (tmp_path / "Python.h").write_text("#include <no_such_libc.h>\n")
    with pytest.raises(tool.CannotBuild, match=r"no_such_libc\.h.*apt-get install gcc libc6-dev"):
        tool.usable("cc", str(tmp_path))


@pytest.mark.parametrize(("target", "required"), [("run", False), ("test", True), ("bench", True), ("proof", True)])
def test_only_make_run_does_without_a_compiler(tmp_path: Path, target: str, required: bool) -> None:
    for name in ("Makefile", "tools", "adengine", *(path.name for path in ROOT.glob("requirements*.txt"))):
        (tmp_path / name).symlink_to(ROOT / name)
    planned = subprocess.run(
        ["make", "-n", target], cwd=tmp_path, check=True, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    ).stdout.splitlines()  # fmt: skip
    (built,) = (line for line in planned if "tools/build_native.py" in line)
    assert ("--required" in built) == required
    if required:
        installs = next(line for line in planned if "tools/system_packages.sh" in line)
        assert planned.index(installs) < planned.index(built)


def the_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_native", ROOT / "tools" / "build_native.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
