"""A process that uses the gazetteer and tells what it costs: python -m tests.places.probe CACHE_DIR

Writes a JSON line when it has answered 1 200 queries, waits for a line, then writes its memory in bytes: of the mapped
image (`rss`, `pss`: its share among the processes that map it) and what it has of its own since before (`private`).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from adengine import places

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))


def main() -> None:
    cache_dir = Path(sys.argv[1])
    before = private_bytes()
    gazetteer = places.load(cache_dir)
    answers = [gazetteer.resolve(case["query"]).status for case in CASES]
    for code in range(1000):
        gazetteer.resolve(f"{code * 97:05d}")
    (image,) = cache_dir.glob("places-*.image")
    say({"inode": image.stat().st_ino, "answers": answers})
    sys.stdin.readline()
    say(mapped_bytes() | {"private": private_bytes() - before})


def say(words: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def private_bytes() -> int:
    text = Path("/proc/self/smaps_rollup").read_text("ascii")
    return 1024 * sum(int(kib) for kib in re.findall(r"^Private_(?:Dirty|Clean): +(\d+) kB", text, re.MULTILINE))


def mapped_bytes() -> dict[str, int]:
    blocks = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text("utf-8"), flags=re.MULTILINE)
    ours = "".join(block for block in blocks if ".image\n" in block)
    return {
        name.lower(): 1024 * sum(int(kib) for kib in re.findall(rf"^{name}: +(\d+) kB", ours, re.MULTILINE))
        for name in ("Rss", "Pss", "Private_Dirty")
    }


if __name__ == "__main__":
    main()
