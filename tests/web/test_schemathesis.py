"""The whole OpenAPI document against the real app: seeded requests, right and wrong, and what each answer promises."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import flask
import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation

from tests import stores
from tests.web.engine_app import AUTHORIZED, running, seed, settings_of

EXAMPLES = 8
"""Of each operation and mode; `make proof` asks for many more."""
EXAMPLES_OF_PROOF = 150
SEED = 20260101
PROMISES = {
    "checks": {
        # A schema cannot say everything: texts must grow, names be free, ids live, an etag be the present one.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", 404, 409, 412, 413, 422, 428]},
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428]},
    }
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flask.Flask]:
    folder = tmp_path_factory.mktemp("app")
    with stores.server(stores.VALKEY, folder / "store") as (url, _):
        wanted = settings_of(folder, url)
        seed(wanted)
        with running(wanted) as made:
            yield made


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_keeps_its_promises(app: flask.Flask, mode: GenerationMode) -> None:
    _require_promises(app, mode, EXAMPLES)


@pytest.mark.proof
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_keeps_its_promises_often(app: flask.Flask, mode: GenerationMode) -> None:
    _require_promises(app, mode, EXAMPLES_OF_PROOF)


def _require_promises(app: flask.Flask, mode: GenerationMode, examples: int) -> None:
    document = schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig.from_dict(PROMISES))
    operations = [found.ok() for found in document.get_all_operations()]
    broken = [said for operation in operations for said in _broken_promises(operation, mode, examples)]
    assert len(operations) > 40
    assert not broken, "\n".join(broken)


def _broken_promises(operation: APIOperation, mode: GenerationMode, examples: int) -> Iterator[str]:
    """What calls with right (or with wrong) data have found; some operations take no data that could be wrong."""

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Case) -> None:
        hypothesis.assume(_travels(case))
        case.call_and_validate(headers=AUTHORIZED)

    try:
        call()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label
    except FailureGroup as group:
        for failure in group.exceptions:
            yield f"{operation.label}: {failure.title}: {failure.message}"
        yield str(group).partition("Reproduce with:")[2].strip()


def _travels(case: Case) -> bool:
    """Whether a query is sent as it was made up: a parameter with nothing in it does not leave the client."""
    return all(value not in ([], {}, None) for value in (case.query or {}).values())


def test_no_two_schemas_share_a_name(app: flask.Flask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with running(app.extensions["adengine"].settings):
            pass
