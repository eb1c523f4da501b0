"""Stores that would lose or split counts are refused, each with a sentence that says what to do."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from adengine.errors import Unsafe
from adengine.store import doctor, sql
from adengine.store.client import Store, connect
from adengine.store.doctor import Patient
from tests import stores
from tests.eventually import eventually


def a_patient(store: Store, engine: sa.Engine, tmp_path: Path, *, allow_unsafe_store: bool = False) -> Patient:
    return Patient(store=store, engine=engine, data_dir=tmp_path, allow_unsafe_store=allow_unsafe_store)


def failing(patient: Patient) -> dict[str, str]:
    return {finding.name: finding.sentence for finding in doctor.examine(patient) if not finding.ok}


def test_a_safe_store_and_a_migrated_database_pass_every_check(
    store: Store, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    findings = doctor.examine(a_patient(store, sqlite_engine, tmp_path))
    assert [finding.name for finding in findings] == [check.name for check in doctor.CHECKS]
    doctor.require_safe(findings)


def test_the_check_passes_again_and_on_postgres(valkey: Store, engine: sa.Engine, tmp_path: Path) -> None:
    for _ in range(2):
        assert failing(a_patient(valkey, engine, tmp_path)) == {}


@pytest.mark.parametrize(
    ("options", "name", "advice"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "store eviction", "noeviction"),
        (("--appendonly", "no"), "store durability", "appendonly yes"),
    ],
)
def test_an_unsafe_store_is_refused_with_advice(
    sqlite_engine: sa.Engine, tmp_path: Path, options: tuple[str, ...], name: str, advice: str
) -> None:
    with stores.server(stores.VALKEY, tmp_path / "store", *options) as (url, _):
        patient = a_patient(connect(url, timeout_ms=500), sqlite_engine, tmp_path)
        assert set(failing(patient)) == {name} and advice in failing(patient)[name]
        with pytest.raises(Unsafe, match=advice):
            doctor.require_safe(doctor.examine(patient))


def test_a_trial_may_do_without_durability_but_never_with_eviction(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    options = ("--appendonly", "no", "--maxmemory-policy", "volatile-ttl")
    with stores.server(stores.VALKEY, tmp_path / "store", *options) as (url, _):
        patient = a_patient(connect(url, timeout_ms=500), sqlite_engine, tmp_path, allow_unsafe_store=True)
        assert set(failing(patient)) == {"store eviction"}


def test_a_store_that_keeps_its_figures_to_itself_is_a_warning(
    valkey: Store, valkey_url: str, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    valkey.everywhere("ACL", "SETUSER", "managed", "on", ">word", "~*", "+@all", "-info", "-config", "-cluster")
    try:
        patient = a_patient(
            connect(valkey_url.replace("//", "//managed:word@"), timeout_ms=500), sqlite_engine, tmp_path
        )
        findings = doctor.examine(patient)
    finally:
        valkey.everywhere("ACL", "DELUSER", "managed")
    doctor.require_safe(findings)
    warned = {finding.name: finding.sentence for finding in findings if "WARNING" in finding.sentence}
    assert set(warned) == {"store version", "store eviction", "store durability", "store coverage"}
    assert "noeviction" in warned["store eviction"]


def test_a_wrong_password_is_told_by_every_row_that_asks_the_store(
    valkey_url: str, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    stranger = connect(valkey_url.replace("//", "//nobody:word@"), timeout_ms=500)
    found = failing(a_patient(stranger, sqlite_engine, tmp_path))
    assert len(found) == 5 and all("password" in sentence for sentence in found.values())


def test_a_cluster_reached_through_one_node_only_is_refused(
    cluster_url: str, sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    alone = connect(cluster_url.replace("+cluster", ""), timeout_ms=500)
    assert "redis+cluster://" in failing(a_patient(alone, sqlite_engine, tmp_path))["store coverage"]


def test_a_cluster_with_slots_that_nobody_holds_is_refused(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    with stores.server(stores.VALKEY, tmp_path / "store", *options) as (url, _):
        node = connect(url, timeout_ms=stores.PATIENT_MS)
        node.everywhere("CLUSTER", "ADDSLOTSRANGE", 0, stores.SLOTS - 2)
        eventually(lambda: b"cluster_size:1" in node.everywhere("CLUSTER", "INFO")[0])
        store = connect(url.replace("redis:", "redis+cluster:"), timeout_ms=500)
        found = failing(a_patient(store, sqlite_engine, tmp_path))
    assert "no primary" in found["store coverage"]


def test_a_directory_that_cannot_be_written_is_refused(valkey: Store, sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    patient = Patient(store=valkey, engine=sqlite_engine, data_dir=tmp_path / "missing", allow_unsafe_store=False)
    assert "ADENGINE_DATA_DIR" in failing(patient)["data directory"]


def test_a_database_without_schema_is_refused_with_the_command_to_run(valkey: Store, tmp_path: Path) -> None:
    bare = sql.engine(f"sqlite:///{tmp_path / 'bare.sqlite3'}", create=True)
    assert "db upgrade" in failing(a_patient(valkey, bare, tmp_path))["database schema"]


def test_everything_away_is_told_row_by_row(tmp_path: Path) -> None:
    nowhere = connect("redis://127.0.0.1:1", timeout_ms=50)
    patient = a_patient(nowhere, sql.engine(f"sqlite:///{tmp_path / 'gone'}"), tmp_path / "missing")
    assert set(failing(patient)) == {check.name for check in doctor.CHECKS}


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n", ("Valkey", (9, 1, 2))),
        ("redis_version:6.0.16\r\n", ("Redis", (6, 0, 16))),
        ("", ("Redis", (0, 0))),
    ],
)
def test_versions_are_read_from_what_servers_say(said: str, version: tuple[str, tuple[int, ...]]) -> None:
    assert doctor._version(said) == version
