"""Mutation testing of what counts: one thing is changed in a copy of the sources, and some test must notice.

    python tools/mutate.py --sample 120 --seed 1

Python by its syntax tree, the store's scripts by their tokens. Any mutant of `TARGETS` may be drawn; `--all` runs all.
The tests of a target run on one Valkey and SQLite only, without the state machine: what they let through might still be
found there, so the score is a lower bound. A mutant that hangs is killed. Prints verdicts; exits 1 below `--least`.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("adengine", "config", "docs", "tests", "pyproject.toml")
TESTS_S = 300
"""Of one mutant; then it hangs."""
PYTEST = (
    "-x", "-q", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not proof and not alone",
    "-k", "not cluster and not redis7 and not postgres",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    source: str
    """Below `adengine`."""
    tests: tuple[str, ...]
    """Below `tests`, the quickest to notice first."""


def _counting(source: str, *tests: str) -> Target:
    return Target(f"counting/{source}", tuple(f"counting/test_{test}.py" for test in tests))


def _caps(source: str) -> Target:
    return Target(f"caps/{source}", ("caps/test_log.py", "caps/test_windows.py", "caps/test_model.py"))


TARGETS = (
    _counting("tokens.py", "tokens", "claims", "consume"),
    _counting("keyring.py", "tokens"),
    _counting("events.py", "events", "consume"),
    _counting("postings.py", "postings", "consume", "audit"),
    _counting("claims.py", "claims", "traffic", "spool", "api"),
    _counting("api.py", "api", "traffic"),
    _counting("load.py", "api"),
    _counting("additions.py", "consume", "seals", "audit"),
    _counting("ledger.py", "consume", "seals", "letters", "audit", "segments"),
    _counting("consume.py", "consume", "seals", "outages"),
    _counting("streams.py", "consume", "audit"),
    _counting("seals.py", "seals", "retention", "audit"),
    _counting("retention.py", "retention"),
    _counting("audit.py", "audit", "seals"),
    _counting("spool.py", "spool"),
    _counting("letters.py", "letters", "segments"),
    _counting("kept.py", "segments"),
    _counting("segments.py", "segments"),
    _counting("traffic/rules.py", "traffic"),
    _counting("traffic/verdicts.py", "traffic"),
    _counting("traffic/caller.py", "traffic", "api"),
    _counting("traffic/load.py", "traffic"),
    _counting("record.lua", "claims", "traffic", "spool"),
    _counting("trim.lua", "consume"),
    *map(_caps, ("windows.py", "records.py", "claims.py", "log.lua", "reserve.lua", "confirm.lua", "release.lua")),
)
COMPARED = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
    ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
COMPUTED = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Mod: "*", ast.BitAnd: "|", ast.BitOr: "&",
    ast.LShift: ">>", ast.RShift: "<<", ast.Pow: "*",
}  # fmt: skip
LUA = (
    (r"(?<![<>=~])<(?!=)", "<="), (r"<=", "<"), (r"(?<![<>=~])>(?!=)", ">="), (r">=", ">"), (r"==", "~="),
    (r"~=", "=="), (r"\band\b", "or"), (r"\bor\b", "and"), (r"\bnot\s+", ""), (r" \+ ", " - "),
    (r" - ", " + "), (r" \* ", " / "),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<![\w.'%])\d+\b", "+1"),
)  # fmt: skip
SPOKEN = re.compile(r"_log\.|metrics\.count|metrics\.observe|^\s*assert |^@|Error\(f?\"|Full\(|Unreadable\(|raise ")
"""Lines that only say something, or state what is true anyway."""


@dataclass(frozen=True, slots=True)
class Mutant:
    target: Target
    line: int
    begin: int
    end: int
    """Of what is replaced, in characters of the text."""
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"adengine/{self.target.source}:{self.line}: {self.was!r} -> {self.becomes!r}"


def mutants(target: Target) -> list[Mutant]:
    text = (ROOT / "adengine" / target.source).read_text("utf-8")
    found = _of_lua(target, text) if target.source.endswith(".lua") else _of_python(target, text)
    lines = text.splitlines()
    return [mutant for mutant in found if not SPOKEN.search(lines[mutant.line - 1])]


def _of_lua(target: Target, text: str) -> Iterator[Mutant]:
    at = 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        code = line.partition("--")[0]
        for pattern, becomes in LUA:
            for found in re.finditer(pattern, code):
                new = str(int(found[0]) + 1) if becomes == "+1" else becomes
                if not _is_quoted(code, found.start()):
                    yield Mutant(target, number, at + found.start(), at + found.end(), found[0], new)
        at += len(line)


def _is_quoted(code: str, at: int) -> bool:
    return code[:at].count("'") % 2 == 1


class _Offsets:
    """Characters of a text, by the lines and bytes that a syntax tree names."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True)
        self._begins = [0]
        for line in self._lines:
            self._begins.append(self._begins[-1] + len(line))

    def __call__(self, line: int, column: int) -> int:
        return self._begins[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def of(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self(node.lineno, node.col_offset), self(node.end_lineno, node.end_col_offset)


def _of_python(target: Target, text: str) -> Iterator[Mutant]:
    tree, offsets = ast.parse(text), _Offsets(text)
    for node in _code(tree):
        for begin, end, becomes in _changes(node, offsets, text):
            yield Mutant(target, node.lineno, begin, end, text[begin:end], becomes)


def _code(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Nodes that decide something: no annotation, no docstring, no process's entry, no number that a module names.

    Such a number is a choice, and tests take it from there; one more or less is as good.
    """
    for name, value in ast.iter_fields(tree):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or name in ("annotation", "returns", "type_comment", "decorator_list"):
                continue
            if isinstance(child, ast.FunctionDef) and child.name == "run" and child.args.args[0].arg == "settings":
                continue
            if isinstance(tree, ast.Module) and isinstance(child, ast.Assign):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _code(child)


def _changes(node: ast.AST, offsets: _Offsets, text: str) -> Iterator[tuple[int, int, str]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield _between(node.left, node.comparators[0], COMPARED[type(node.ops[0])], offsets, text)
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        yield _between(node.left, node.right, COMPUTED[type(node.op)], offsets, text)
    elif isinstance(node, ast.BoolOp):
        new = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield _between(left, right, new, offsets, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        begin, end = offsets.of(node)
        inner = offsets.of(node.operand)[0]
        yield begin, end, text[inner:end]
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield *offsets.of(node), str(not node.value) if isinstance(node.value, bool) else str(node.value + 1)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        begin, end = offsets.of(node.test)
        yield begin, end, f"not ({text[begin:end]})"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield *offsets.of(node), "pass"
    elif isinstance(node, ast.Break | ast.Continue):
        yield *offsets.of(node), "continue" if isinstance(node, ast.Break) else "break"


def _between(left: ast.expr, right: ast.expr, new: str, offsets: _Offsets, text: str) -> tuple[int, int, str]:
    """The operator alone, parentheses and line breaks around it left as they are."""
    begin, end = offsets.of(left)[1], offsets.of(right)[0]
    found = re.search(r"not\s+in|is\s+not|is|in|and|or|[-+*/%<>=!&|]+", text[begin:end])
    assert found is not None
    return begin + found.start(), begin + found.end(), new


def is_killed(mutant: Mutant | None, folder: Path, tests: Sequence[str]) -> bool:
    """Whether a test fails with the mutant in the copy of the sources in `folder`; None: with them as they are."""
    path = original = None
    if mutant is not None:
        path = folder / "adengine" / mutant.target.source
        original = path.read_text("utf-8")
        path.write_text(original[: mutant.begin] + mutant.becomes + original[mutant.end :], "utf-8")
    command = [sys.executable, "-m", "pytest", *PYTEST, *(f"tests/{test}" for test in tests)]
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=TESTS_S, check=False)
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        if path is not None and original is not None:
            path.write_text(original, "utf-8")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sample", type=int, default=120, help="how many mutants are drawn (default 120)")
    asked.add_argument("--all", action="store_true", help="every mutant: hours")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default="", help="targets whose name has this in it")
    asked.add_argument("--least", type=float, default=0.9, help="the score below which it fails (default 0.9)")
    asked.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    given = asked.parse_args()
    targets = [target for target in TARGETS if given.only in target.source]
    known = [mutant for target in targets for mutant in mutants(target)]
    drawn = known if given.all else random.Random(given.seed).sample(known, min(given.sample, len(known)))
    if given.list:
        print(*drawn, sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="adengine-mutants-") as name:
        folder = Path(name)
        for part in COPIED:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        return _judged(drawn, len(known), folder, given.least)


def _judged(drawn: Sequence[Mutant], known: int, folder: Path, least: float) -> int:
    for target in sorted({mutant.target for mutant in drawn}, key=lambda target: target.source):
        if is_killed(None, folder, target.tests):
            print(f"the tests of {target.source} fail as it is")
            return 2
    survivors = []
    for number, mutant in enumerate(drawn, 1):
        verdict = "killed" if is_killed(mutant, folder, mutant.target.tests) else "survived"
        if verdict == "survived":
            survivors.append(mutant)
        print(f"{number} of {len(drawn)} {verdict} {mutant}", flush=True)
    score = 1 - len(survivors) / len(drawn)
    print(f"{len(drawn) - len(survivors)} of {len(drawn)} killed ({score:.1%}), drawn from {known}")
    return 0 if score >= least else 1


if __name__ == "__main__":
    sys.exit(main())
