"""Rules never read a clock, a store, a file or chance: which files may is told by their names, and only here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORLD = {
    "flask", "flask_smorest", "redis", "sqlalchemy", "psycopg", "alembic", "os", "time", "random", "secrets", "socket",
    "subprocess", "threading", "multiprocessing", "signal", "fcntl", "pathlib", "tempfile", "shutil", "urllib.request",
}  # fmt: skip
# What a file of this name touches. A pure rule must not hide under one of them.
TOUCHES_THE_WORLD = {
    "api": "HTTP", "pages": "HTTP", "tables": "SQL tables", "claims": "the store", "client": "the store",
    "load": "files or the database", "watch": "a thread and the database",
    "consume": "a process", "audit": "both stores",
    "lead": "a process", "press": "a process", "shelf": "files", "pressed": "files", "pieces": "files",
    "stage": "stores and files of its own",
    "drive": "the stores of a simulation", "leases": "a lock between threads", "turns": "a file that workers share",
    "sql": "the database", "ledger": "the database", "seals": "the database", "spool": "files",
    "retention": "the database",
    "files": "files of a report", "send": "files and the servers of others", "make": "the database",
    "log": "a file of lines", "segments": "files, by DuckDB",
}  # fmt: skip
SLICES_OF_EDGES = {"store", "web", "console", "cli", "serve", "bench"}
EDGES = {"__main__.py", "wiring.py", "settings.py", "demo.py", "randomness.py"}


def pure_files() -> list[Path]:
    package = ROOT / "adengine"
    return [
        path
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in SLICES_OF_EDGES | EDGES and path.stem not in TOUCHES_THE_WORLD
    ]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", pure_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_rule_does_not_touch_the_world(path: Path) -> None:
    touched = {name for name in imports(path) if name in WORLD or name.split(".")[0] in WORLD}
    assert not touched, (
        f"{path.name} imports {sorted(touched)}: take the values as arguments, or name the file as an edge"
    )


def test_the_check_sees_an_import_that_it_must_refuse(tmp_path: Path) -> None:
    rule = tmp_path / "rule.py"
    rule.write_text("def now():\n    import time\n    from redis.client import Redis\n    return time.time(), Redis\n")
    assert {name.split(".")[0] for name in imports(rule)} <= WORLD
