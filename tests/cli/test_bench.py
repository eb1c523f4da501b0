"""`adengine bench` measures what it says; its figures are for people, so only that they are there is tested."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner

from adengine.cli.bench import bench


def test_the_quick_form_measures_everything_once(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    ran = CliRunner().invoke(bench, ["--quick", "--creatives", "200", "--creatives", "400", "--json", str(path)])
    assert ran.exit_code == 0, ran.output
    document = orjson.loads(path.read_bytes())
    assert set(document["ratios"]) == {
        "fill_2e2_vs_stock", "fill_2e2_vs_fast", "p50_c1_vs_stock", "beacon_vs_stock", "places_per_stock",
    }  # fmt: skip
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert set(document["catalogue"]) == {"edit_visible_s", "index_mb_2e2"}
    assert 0 < document["catalogue"]["edit_visible_s"] < 2 and document["catalogue"]["index_mb_2e2"] > 0.05
    names = [row["name"] for row in document["rows"]]
    assert names == [
        "LIMIT-STOCK", "LIMIT-FAST", "fill, 3 slots, 200 creatives", "impression", "place", "LIMIT-STOCK again",
    ]  # fmt: skip
    assert all(0 < row["least"] <= row["us"] <= row["most"] and row["p50_us"] > 0 for row in document["rows"])
    assert "fill_2e2_vs_stock" in ran.output and "noise" in ran.output


def test_a_second_size_tells_how_the_cost_grows(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    few = ["--rounds", "2", "--calls", "20"]
    ran = CliRunner().invoke(bench, [*few, "--creatives", "100", "--creatives", "1000", "--json", str(path)])
    assert ran.exit_code == 0, ran.output
    assert {"fill_1e3_vs_fast", "cpu_1e3_vs_1e2"} <= set(orjson.loads(path.read_bytes())["ratios"])
