"""`adengine bench` measures what it says; its figures are for people, so only that they are there is tested."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from adengine.bench.served import process, wrk
from adengine.cli.bench import bench
from adengine.errors import Unsafe


def test_the_quick_form_measures_everything_once(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    ran = CliRunner().invoke(
        bench, ["--in-process", "--quick", "--creatives", "200", "--creatives", "400", "--json", str(path)]
    )
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
    few = ["--in-process", "--rounds", "2", "--calls", "20"]
    ran = CliRunner().invoke(bench, [*few, "--creatives", "100", "--creatives", "1000", "--json", str(path)])
    assert ran.exit_code == 0, ran.output
    assert {"fill_1e3_vs_fast", "cpu_1e3_vs_1e2"} <= set(orjson.loads(path.read_bytes())["ratios"])


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_over_http_everything_is_served_asked_and_edited(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    sizes = ["--creatives", "200", "--creatives", "1000"]
    ran = CliRunner().invoke(bench, ["--quick", *sizes, "--json", str(path)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    document = orjson.loads(path.read_bytes())
    assert set(document) == {
        "machine", "noise", "ratios", "rebuild_1e3_s", "edit_visible_s", "index_mb_1e3", "rows",
    }  # fmt: skip
    assert set(document["ratios"]) == {
        "fill_2e2_vs_stock", "fill_2e2_vs_fast", "fill_1e3_vs_fast", "cpu_1e3_vs_2e2", "p50_c1_vs_stock",
        "beacon_vs_stock",
    }  # fmt: skip
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert 0 < document["rebuild_1e3_s"] <= document["edit_visible_s"]
    measured = {row["name"]: row for row in document["rows"] if "least" in row}
    assert list(measured) == [
        "LIMIT-STOCK", "LIMIT-FAST", "LIMIT-STOCK again", "fill, 3 slots, 200 creatives",
        "fill, 3 slots, 1,000 creatives", "impression",
    ]  # fmt: skip
    assert all(0 < row["least"] <= row["cpu_us"] <= row["most"] for row in measured.values())
    assert all(row["per_s"] > 0 and row["store_us"] > 0 for row in measured.values())
    assert measured["LIMIT-FAST"]["cpu_us"] < measured["LIMIT-STOCK"]["cpu_us"]
    worker = next(row for row in document["rows"] if row["name"].startswith("a worker's own memory"))
    assert worker["mb"] > 10
    assert "fill_2e2_vs_stock" in ran.output and "noise" in ran.output


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_what_is_started_beside_the_workers_does_not_take_their_core_for_its_own() -> None:
    """All was measured on one core, store and wrk too, as long as the cores were looked up anew."""
    worker, beside = process.cores()
    with process.on(beside):
        assert process.cores() == (worker, beside) and not worker & beside
        assert os.sched_getaffinity(0) == beside


def test_without_wrk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("wrk") is None
    with pytest.raises(Unsafe, match=r"apt-get install wrk .*--in-process"):
        wrk.require()


SAID = """Running 2s test @ http://127.0.0.1:8000
  Latency Distribution
     50%    4.25ms
     99%    9.00ms
  {requests} requests in 2.01s, 2.25MB read
{more}Requests/sec:   3546.27
"""


def test_what_wrk_says_is_read() -> None:
    found = wrk.read(SAID.format(requests=7131, more=""))
    assert (found.requests, found.seconds, found.p50_us) == (7131, 2.01, 4250.0)


@pytest.mark.parametrize(
    "more",
    [
        "  Non-2xx or 3xx responses: 12\n",
        "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        "  Socket errors: connect 0, read 0, write 0, timeout 5\n",
    ],
)
def test_a_run_that_was_not_answered_well_is_no_figure(more: str) -> None:
    with pytest.raises(Unsafe, match="not answered well"):
        wrk.read(SAID.format(requests=7131, more=more))
