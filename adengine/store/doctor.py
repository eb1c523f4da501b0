"""What must hold before anything is counted, each in one row: what is asked, and what to do when it does not hold.

Boot refuses on any failing row (`require_safe`); `python -m adengine doctor` prints all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from adengine.errors import AdengineError, Unsafe
from adengine.store import pairing, schema
from adengine.store.client import Store, StoreForbids, Word

PATIENT_MS = 2_000
VALKEY_MIN = (8, 0)
REDIS_MIN = (7, 0)
CLUSTER_SLOTS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined."""

    store: Store
    engine: sa.Engine
    data_dir: Path
    allow_unsafe_store: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    name: str
    ok: bool
    sentence: str
    """What was found and, if it is not well, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    look: Callable[[Patient], str]
    """What was found; raises `Unsafe` with what to do, or whatever it met."""


class _Untold(Exception):
    """The store keeps what was asked to itself, as managed services do."""


def examine(patient: Patient) -> list[Finding]:
    """Every check's finding, in the table's order; one that fails does not keep the others from being made."""
    return [_finding(check, patient) for check in CHECKS]


def require_safe(findings: Sequence[Finding]) -> None:
    """Raises `Unsafe` with every failing sentence, a line each."""
    failing = [f"{finding.name}: {finding.sentence}" for finding in findings if not finding.ok]
    if failing:
        raise Unsafe("\n".join(failing))


def _finding(check: Check, patient: Patient) -> Finding:
    try:
        return Finding(name=check.name, ok=True, sentence=check.look(patient))
    except _Untold as untold:
        return Finding(name=check.name, ok=True, sentence=f"WARNING, not checked: {untold}")
    except AdengineError as error:
        return Finding(name=check.name, ok=False, sentence=error.detail)


def _data_dir(patient: Patient) -> str:
    if not os.access(patient.data_dir, os.W_OK | os.X_OK):
        raise Unsafe(f"cannot write into {patient.data_dir}; change its owner, or set ADENGINE_DATA_DIR")
    return f"{patient.data_dir} can be written"


def _store_version(patient: Patient) -> str:
    found = []
    for said in _told(patient, "INFO", "server", otherwise="make sure that it is Valkey 8, Redis 7.0, or newer"):
        name, version = _version(said)
        least = VALKEY_MIN if name == "Valkey" else REDIS_MIN
        if version < least:
            raise Unsafe(
                f"the store is {name} {_dotted(version)}; "
                f"use Valkey {_dotted(VALKEY_MIN)} or Redis {_dotted(REDIS_MIN)}, or newer"
            )
        found.append(f"{name} {_dotted(version)}")
    return ", ".join(found)


def _eviction(patient: Patient) -> str:
    for said in _told(patient, "INFO", "memory", otherwise="make sure that its maxmemory-policy is noeviction"):
        policy = _field(said, "maxmemory_policy")
        if policy != "noeviction":
            raise Unsafe(
                f"the store's maxmemory-policy is {policy}: it would forget caps and drop events without a word; "
                "set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in its configuration file)"
            )
    return "nothing is evicted (noeviction)"


def _append_only(patient: Patient) -> str:
    if patient.allow_unsafe_store:
        return "not asked (ADENGINE_ALLOW_UNSAFE_STORE): acknowledged events may be lost with the store"
    for said in _told(patient, "INFO", "persistence", otherwise="make sure that its append-only file is on"):
        if _field(said, "aof_enabled") != "1":
            raise Unsafe(
                "the store has no append-only file, so a restart would lose acknowledged events; set appendonly yes, "
                "or for a trial start with ADENGINE_ALLOW_UNSAFE_STORE=true"
            )
    return "the append-only file is on"


def _coverage(patient: Patient) -> str:
    otherwise = "if it is a cluster, make sure that its primaries hold all hash slots"
    asked = _told(patient, "INFO", "cluster", otherwise=otherwise)
    if not any(_field(said, "cluster_enabled") == "1" for said in asked):
        return "one server holds every key"
    for said in _told(patient, "CLUSTER", "INFO", otherwise=otherwise):
        if _field(said, "cluster_slots_ok") != str(CLUSTER_SLOTS):
            raise Unsafe("some of the cluster's hash slots have no primary; repair it (valkey-cli --cluster fix)")
        if _field(said, "cluster_size") != str(len(asked)):
            raise Unsafe(
                f"the store is a cluster of {_field(said, 'cluster_size')} primaries and {len(asked)} of them can be "
                "reached; begin ADENGINE_REDIS_URL with redis+cluster:// (or rediss+cluster://)"
            )
    return f"{len(asked)} primaries hold all {CLUSTER_SLOTS} hash slots"


def _schema(patient: Patient) -> str:
    schema.check(patient.engine)
    return f"the database's schema is {schema.HEAD}"


def _pairing(patient: Patient) -> str:
    schema.check(patient.engine)
    pairing.tie(patient.store, patient.engine, anew=patient.allow_unsafe_store)
    return "the store and the database belong together"


def _told(patient: Patient, *words: Word, otherwise: str) -> list[str]:
    """Every primary's answer. otherwise: what the operator must see to himself if the store's rules forbid to ask."""
    try:
        answers = patient.store.everywhere(*words, timeout_ms=PATIENT_MS)
    except StoreForbids as error:
        raise _Untold(f"{error.detail}; {otherwise}") from error
    return [bytes(said).decode("utf-8", "replace") for said in answers]


def _field(said: str, name: str) -> str:
    """From an answer of lines `name:value`; empty if there is no such line."""
    found = re.search(rf"^{name}:(\S*)", said, re.M)
    return found[1] if found else ""


def _version(said: str) -> tuple[str, tuple[int, ...]]:
    """("Valkey" or "Redis", its version); Valkey says a Redis version too, the one that it is compatible with."""
    valkey = _field(said, "valkey_version")
    found = re.match(r"\d+(\.\d+)*", valkey or _field(said, "redis_version"))
    return "Valkey" if valkey else "Redis", tuple(map(int, found[0].split("."))) if found else (0, 0)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


CHECKS = (
    Check(name="data directory", look=_data_dir),
    Check(name="store version", look=_store_version),
    Check(name="store eviction", look=_eviction),
    Check(name="store durability", look=_append_only),
    Check(name="store coverage", look=_coverage),
    Check(name="database schema", look=_schema),
    Check(name="one store, one database", look=_pairing),
)
