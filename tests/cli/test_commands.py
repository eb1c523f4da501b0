"""Commands on the database, without an engine that serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adengine import demo, places, settings, topics
from adengine.catalog.keys import sql as keys_sql
from adengine.catalog.known import Known
from adengine.catalog.nouns import Scope
from adengine.cli.main import commands
from adengine.errors import Invalid, NotFound
from adengine.store import sql
from adengine.store.sql import reading
from adengine.web.auth import digest

NOW_S = 1_767_225_600
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def gazetteer_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    places.load(folder)
    return next(folder.glob("*.image"))


@pytest.fixture
def run(tmp_path: Path, gazetteer_image: Path) -> Run:
    """Runs a command on a data directory of its own with an empty database."""
    (tmp_path / gazetteer_image.name).hardlink_to(gazetteer_image)  # spares each test the unpacking

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(commands, words, env={"ADENGINE_DATA_DIR": str(tmp_path)})

    assert invoke("db", "upgrade").exit_code == 0
    return invoke


def database_of(folder: Path) -> sql.sa.Engine:
    return sql.engine(settings.load({}, data_dir=str(folder)).database)


def shipped(folder: Path) -> Known:
    return Known(gazetteer=places.load(folder), taxonomy=topics.load())


def test_a_made_key_works_until_it_is_revoked(run: Run, tmp_path: Path) -> None:
    made = run("keys", "create", "--name", "first", "--scope", "admin", "--scope", "manage")
    key = made.stdout.strip()
    engine = database_of(tmp_path)
    known = keys_sql.key_of(engine, digest(key))
    assert known is not None
    assert known.scopes == {Scope.ADMIN, Scope.MANAGE}
    listed = run("keys", "list").stdout
    assert key not in listed
    assert key[:10] in listed
    assert run("keys", "revoke", "key_1").exit_code == 0
    assert keys_sql.key_of(engine, digest(key)) is None
    assert "key_1" not in run("keys", "list").stdout


def test_a_key_is_stored_as_its_digest_alone(run: Run, tmp_path: Path) -> None:
    key = run("keys", "create", "--name", "first", "--scope", "fill").stdout.strip()
    at_rest = b"".join(path.read_bytes() for path in tmp_path.glob("adengine.sqlite3*"))
    assert digest(key) in at_rest
    assert key.encode() not in at_rest


def test_wrong_keys_are_refused(run: Run) -> None:
    assert isinstance(run("keys", "create", "--name", "x", "--scope", "everything").exception, Invalid)
    assert isinstance(run("keys", "create", "--name", "x", "--scope", "advertise").exception, Invalid)
    assert isinstance(run("keys", "revoke", "key_99").exception, NotFound)
    assert isinstance(run("keys", "revoke", "nonsense").exception, NotFound)


def a_creative(campaign: str, name: str) -> dict[str, object]:
    lines = {"brand": name, "short": f"{name}: open all year.", "long": f"{name}: open all year, even on Sundays."}
    variants = [{"role": role, "text": text} for role, text in lines.items()]
    return {"campaign": campaign, "landing_url": "https://sponsor.example/", "lang": "en", "variants": variants}


@pytest.mark.parametrize(
    ("options", "stored"), [((), 2), (("--dry-run",), 0), (("--atomic",), 0)], ids=["partly", "dry", "atomic"]
)
def test_an_import_tells_every_mistake_by_its_line(
    run: Run, tmp_path: Path, options: tuple[str, ...], stored: int
) -> None:
    demo.seed(database_of(tmp_path), tmp_path, shipped(tmp_path), NOW_S)
    before = creatives_in(tmp_path)
    rows = [a_creative("cmp_1", "Bait Shop"), a_creative("cmp_99", "Nobody"), a_creative("cmp_1", "Boat Shop")]
    file = tmp_path / "rows.ndjson"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    imported = run("import", str(file), *options)
    assert imported.exit_code == 1
    assert "line 2: /campaign" in imported.stdout
    assert "3 rows: " in imported.stdout
    assert creatives_in(tmp_path) - before == stored


def test_a_right_import_is_stored_whole(run: Run, tmp_path: Path) -> None:
    demo.seed(database_of(tmp_path), tmp_path, shipped(tmp_path), NOW_S)
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([a_creative("cmp_1", f"Shop {letter}") for letter in "ABC"]))
    before = creatives_in(tmp_path)
    imported = run("import", str(file))
    assert imported.exit_code == 0, imported.output
    assert imported.stdout.strip() == "3 rows: 3 accepted, 0 rejected; 3 drafts stored"
    assert creatives_in(tmp_path) - before == 3


def test_a_file_of_another_kind_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rows.xlsx"
    file.write_bytes(b"PK")
    assert run("import", str(file)).exit_code == 2


def creatives_in(folder: Path) -> int:
    with reading(database_of(folder)) as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM creatives").scalar_one())


def test_seeding_again_changes_nothing_and_keeps_the_keys(run: Run, tmp_path: Path) -> None:
    engine = database_of(tmp_path)
    first = demo.seed(engine, tmp_path, shipped(tmp_path), NOW_S)
    counted = creatives_in(tmp_path)
    assert demo.seed(engine, tmp_path, shipped(tmp_path), NOW_S + 60) == first
    assert creatives_in(tmp_path) == counted
    assert set(first) == {scope.value for scope in Scope}
    assert (tmp_path / demo.KEYS_FILE).stat().st_mode & 0o077 == 0
    for scope, key in first.items():
        known = keys_sql.key_of(engine, digest(key))
        assert known is not None
        assert known.scopes == {Scope(scope)}


def test_a_lost_or_revoked_demo_key_is_made_anew_and_the_others_stay(run: Run, tmp_path: Path) -> None:
    engine = database_of(tmp_path)
    first = demo.seed(engine, tmp_path, shipped(tmp_path), NOW_S)
    fill = keys_sql.key_of(engine, digest(first["fill"]))
    assert fill is not None
    keys_sql.revoke(engine, f"key_{fill.id}", NOW_S)
    second = demo.seed(engine, tmp_path, shipped(tmp_path), NOW_S)
    assert [scope for scope in first if first[scope] != second[scope]] == ["fill"]
    (tmp_path / demo.KEYS_FILE).write_text("not json")
    third = demo.seed(engine, tmp_path, shipped(tmp_path), NOW_S)
    assert set(third.values()).isdisjoint(second.values())
