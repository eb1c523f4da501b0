"""Settings: every mistake at once, later sources win, one frozen object."""

from pathlib import Path

import pytest

from adengine import settings

SECRET = "a-Secret.with_quite-some+Characters=42"


def test_the_defaults_are_an_embedded_engine_on_this_machine() -> None:
    read = settings.load({})
    assert (read.host, read.port, read.embedded_store) == ("127.0.0.1", 8000, True)
    assert read.database.startswith("sqlite:///") and read.database.endswith("/var/adengine.sqlite3")
    assert read.base_url == "http://127.0.0.1:8000"


def test_every_mistake_is_named_at_once() -> None:
    wrong = {
        "ADENGINE_BIND": "nowhere",
        "ADENGINE_WORKERS": "1.9",
        "ADENGINE_EXPRESS": "fast",
        "ADENGINE_REDIS_URL": "http://x",
        "ADENGINE_DATABASE_URL": "mysql://x",
        "ADENGINE_SECRET_KEY": "changeme",
        "ADENGINE_PUBLIC_URL": "ads.example",
        "ADENGINE_LOG_LEVEL": "loud",
        "ADENGINE_ALLOW_UNSAFE_STORE": "perhaps",
        "ADENGINE_TYPO": "1",
    }
    with pytest.raises(settings.SettingsInvalid) as caught:
        settings.load(wrong, hold_s=0)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == sorted([*wrong, "ADENGINE_HOLD_S"])


@pytest.mark.parametrize("secret", ["short", "x" * 40, "changemechangemechangemechangeme"])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(settings.SettingsInvalid, match="ADENGINE_SECRET_KEY"):
        settings.load({"ADENGINE_SECRET_KEY": secret})


@pytest.mark.parametrize("shared", ["ADENGINE_REDIS_URL", "ADENGINE_DATABASE_URL"])
def test_past_one_machine_the_secret_must_be_given(shared: str) -> None:
    url = {"ADENGINE_REDIS_URL": "redis://h:1", "ADENGINE_DATABASE_URL": "postgresql://h/d"}[shared]
    with pytest.raises(settings.SettingsInvalid, match="all machines"):
        settings.load({shared: url})
    assert settings.load({shared: url, "ADENGINE_SECRET_KEY": SECRET}).secret_key == SECRET


def test_the_command_line_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('workers = 3\nthreads = 3\nhold_s = 3\nbind = "0.0.0.0:80"\n')
    environ = {"ADENGINE_CONFIG": str(file), "ADENGINE_THREADS": "5", "ADENGINE_HOLD_S": "5"}
    read = settings.load(environ, hold_s=7)
    assert (read.workers, read.threads, read.hold_s, read.bind) == (3, 5, 7, "0.0.0.0:80")


@pytest.mark.parametrize(
    ("text", "said"), [("no_such = 1", "no_such"), ("= broken", "cannot read"), (None, "cannot read")]
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "own.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(settings.SettingsInvalid, match=said) as caught:
        settings.load({"ADENGINE_CONFIG": str(file)})
    assert "own.toml" in str(caught.value)


def test_settings_cannot_be_changed_after_start() -> None:
    read = settings.load({})
    with pytest.raises(AttributeError):
        read.workers = 2  # type: ignore[misc]
