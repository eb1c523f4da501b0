"""One demo engine for the tests of this folder that only use it; those that break it start their own."""

from collections.abc import Iterator

import pytest

from tests.live.engine import Engine


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("demo"))
    engine.start()
    yield engine
    engine.stop()
    assert engine.processes() == [], "SIGTERM left a process behind"
