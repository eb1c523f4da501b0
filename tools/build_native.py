"""Compiles adengine/{express,native}/*.pyx to extension modules beside their sources.

    .venv/bin/python tools/build_native.py [--required]

`make .venv/native` runs it, with Cython from .cython. C sources and objects go to .build. Everything is compiled anew
each time, so that the stamp, adengine/native/_built.json, is true; it is taken away first and written last. Where a
compiler or Python.h is missing it says so, and pages are served by Python alone: slower, and alike.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from adengine.native import load  # noqa: E402

BUILD = ROOT / ".build"
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
PROCESSES = 2


class CannotBuild(Exception):
    """Why, as the end of a sentence, and what helps."""


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 if compiled, or if it cannot be and need not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--required", action="store_true", help="exit 1 if it cannot be compiled")
    required = parser.parse_args(argv).required
    load.STAMP.unlink(missing_ok=True)
    try:
        choose_compiler()
        build()
    except CannotBuild as error:
        if required:
            print(f"the fast lane cannot be compiled, {error}", file=sys.stderr)
            return 1
        print(f"the fast lane is not compiled, {error}; pages will be served by Python alone, slower and alike")
    return 0


def choose_compiler() -> None:
    """Sets CC, which Cython's build reads, to a C compiler that can read Python.h; raises `CannotBuild` without one."""
    own = os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc")
    found = next((name for name in (own, "cc", "gcc", "clang") if shutil.which(shlex.split(name)[0])), None)
    os.environ["CC"] = usable(found, sysconfig.get_path("include"))


def usable(compiler: str | None, include: str) -> str:
    """The compiler, if it can read the Python.h in the folder `include`; else raises `CannotBuild`."""
    wanted = {} if compiler else {"a C compiler": "gcc libc6-dev"}
    if not Path(include, "Python.h").is_file():
        wanted["Python.h"] = "python{}.{}-dev".format(*sys.version_info)
    if compiler is None or wanted:
        install = f"on Debian: apt-get install {' '.join(wanted.values())}"
        raise CannotBuild(f"for want of {' and '.join(wanted)} ({install})")
    command = [*shlex.split(compiler), f"-I{include}", "-fsyntax-only", "-x", "c", "-"]
    tried = subprocess.run(command, input="#include <Python.h>\n", capture_output=True, text=True)
    if tried.returncode:
        said = next((line for line in tried.stderr.splitlines() if "error" in line), "no reason given")
        raise CannotBuild(f"as {compiler} cannot read Python.h: {said} (on Debian: apt-get install gcc libc6-dev)")
    return compiler


def build() -> None:
    """Compiles every module, puts them in place, and stamps them with what the sources were before."""
    sources = load.sources()
    shutil.rmtree(BUILD, ignore_errors=True)
    made = compiled()
    for folder in load.FOLDERS:
        for path in (load.PACKAGE / folder).glob("*.so"):
            if path not in made:
                path.unlink()
    for path, found in made.items():
        # A running engine has the former file mapped: it must be another one, not the same overwritten.
        found.replace(path)
    stamp = BUILD / load.STAMP.name
    stamp.write_text(json.dumps({"abi": load.ABI, "sources": sources}, indent=1, sort_keys=True) + "\n", "ascii")
    stamp.replace(load.STAMP)


def compiled() -> dict[Path, Path]:
    """The compiled modules in .build, by where they belong."""
    sys.path.insert(0, str(ROOT / ".cython"))
    try:
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError
        from setuptools import Distribution, Extension
        from setuptools.errors import BaseError
    except ImportError as error:
        raise CannotBuild(f"for want of Cython: {error} (make .venv/native installs it)") from error
    os.chdir(ROOT)
    extensions = [
        Extension(f"adengine.{name}", [f"adengine/{file_of(name, '.pyx')}"], extra_compile_args=["-O2", "-g0", "-w"])
        for name in load.modules()
    ]
    library = BUILD / "lib"
    library.mkdir(parents=True)
    try:
        made = cythonize(
            extensions, include_path=[str(ROOT)], build_dir=BUILD.name, compiler_directives={"language_level": "3"},
            annotate=False, nthreads=PROCESSES, force=True, quiet=True,
        )  # fmt: skip
        command = Distribution({"name": "adengine", "ext_modules": made}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(library), str(BUILD / "objects")
        command.force, command.parallel = True, PROCESSES
        command.ensure_finalized()
        command.run()
    except (CompileError, BaseError) as error:
        raise CannotBuild(f"as a source is refused: {error}") from error
    files = [file_of(name, SUFFIX) for name in load.modules()]
    return {load.PACKAGE / file: library / "adengine" / file for file in files}


def file_of(name: str, ending: str) -> str:
    return name.replace(".", "/") + ending


if __name__ == "__main__":
    sys.exit(main())
