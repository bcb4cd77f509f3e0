"""The sample app saves what it is given and tells its user when it could not; it knows nothing of tracing."""

from __future__ import annotations

import ast
import base64
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import Stubber
from flask.testing import FlaskClient

from otel_savetrace.demo import app as app_package

USER = "8c8d357b5e872bbacd45197626bd5759"  # md5 of "ada"
DRAFT = f"storymapjs/{USER}/rivers/draft.json"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the app as a worker does: it makes its clients from boto3's own variables."""
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_STORAGE_BUCKET_NAME": "maps",
    }.items():
        monkeypatch.setenv(name, value)
    names = [f"{app_package.__name__}.{module}" for module in ("storage", "web")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    web = importlib.import_module(names[1])
    monkeypatch.setattr(web.storage, "SECONDS_BETWEEN_TRIES", 0)
    yield web
    for client in (web.storage._client, web.storage._image_client):
        client.close()


@pytest.fixture
def storage(app: ModuleType) -> Iterator[Stubber]:
    """Announce what the store is asked for and answers; anything else is an error."""
    with Stubber(app.storage._client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def browser(app: ModuleType) -> FlaskClient:
    """Log in as ada."""
    client: FlaskClient = app.app.test_client()
    client.post("/login/", data={"name": "ada"})
    return client


def put(key: str, content: bytes, content_type: str = "application/json") -> dict[str, Any]:
    """Make the parameters of the PUT that the app is to send."""
    return {
        "Bucket": "maps",
        "Key": key,
        "Body": content,
        "ContentType": content_type,
        "CacheControl": "no-cache, no-store, must-revalidate",
    }


@pytest.mark.parametrize(
    "file", sorted(Path(app_package.__file__).parent.rglob("*.py")), ids=lambda file: file.name
)
def test_the_app_imports_nothing_of_tracing(file: Path) -> None:
    """No module of the sample app imports OpenTelemetry or anything of otel-savetrace outside the app."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            names = [] if node.level else [node.module or ""]
        assert not [name for name in names if name.startswith(("opentelemetry", "otel_savetrace"))]


def test_a_draft_is_put_under_user_and_storymap(browser: FlaskClient, storage: Stubber) -> None:
    """Saving puts the draft's JSON under ``storymapjs/user/storymap/draft.json`` and answers its id."""
    storage.add_response("put_object", {}, put(DRAFT, b'{"slides": ["\\u00fc"]}'))
    answer = browser.post("/storymap/save/", data={"id": "rivers", "d": '{"slides":["ü"]}'})
    assert (answer.status_code, answer.json) == (200, {"id": "rivers"})


def test_a_draft_is_tried_a_second_time(browser: FlaskClient, storage: Stubber) -> None:
    """When storage refuses a draft once, the app itself tries again and the user sees no error."""
    storage.add_client_error("put_object", "SlowDown", http_status_code=503)
    storage.add_response("put_object", {}, put(DRAFT, b"{}"))
    answer = browser.post("/storymap/save/", data={"id": "rivers", "d": "{}"})
    assert answer.json == {"id": "rivers"}


def test_a_failed_draft_is_a_200_that_does_not_name_the_code(browser: FlaskClient, storage: Stubber) -> None:
    """When storage refuses twice, the user gets status 200, an error, and not a word of S3's code."""
    for _ in range(2):
        storage.add_client_error("put_object", "SlowDown", http_status_code=503)
    answer = browser.post("/storymap/save/", data={"id": "rivers", "d": "{}"})
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["error"] == "Unable to save StoryMap"
    assert "SlowDown" not in answer.text


def test_a_draft_that_cannot_be_read_is_told_before_storage(browser: FlaskClient, storage: Stubber) -> None:
    """Broken JSON is a 200 with an error, and storage is not asked."""
    answer = browser.post("/storymap/save/", data={"id": "rivers", "d": '{"slides":'})
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["error"].startswith("The StoryMap could not be read")


def test_publishing_puts_two_objects(browser: FlaskClient, storage: Stubber) -> None:
    """Publishing puts published.json, then the page that shows it; the page failing fails it all."""
    folder = DRAFT.removesuffix("draft.json")
    storage.add_response("put_object", {}, put(f"{folder}published.json", b"{}"))
    storage.add_client_error("put_object", "InternalError", http_status_code=500)
    answer = browser.post("/storymap/publish/", data={"id": "rivers", "d": "{}"})
    assert answer.json is not None
    assert answer.json["error"] == "Unable to save StoryMap"


def test_a_new_storymap_gets_an_id_that_is_free(
    browser: FlaskClient, storage: Stubber, app: ModuleType
) -> None:
    """Creating lists what is there, takes the title's slug with a number, and puts a draft and its page."""
    listed = {"CommonPrefixes": [{"Prefix": f"storymapjs/{USER}/{name}/"} for name in ("cafe", "cafe-1")]}
    asked = {"Bucket": "maps", "Prefix": f"storymapjs/{USER}/", "Delimiter": "/"}
    storage.add_response("list_objects_v2", listed, asked)
    storage.add_response("put_object", {}, put(f"storymapjs/{USER}/cafe-2/draft.json", b"{}"))
    with app.app.test_request_context():
        page = app.embed("Café!", "draft.json").encode()
    key = f"storymapjs/{USER}/cafe-2/draft.html"
    storage.add_response("put_object", {}, put(key, page, "text/html; charset=utf-8"))
    answer = browser.post("/storymap/create/", data={"title": "Café!", "d": "{}"})
    assert answer.json == {"id": "cafe-2", "title": "Café!"}


def test_an_image_keeps_its_name_and_type(browser: FlaskClient, app: ModuleType) -> None:
    """An image is put under its own name, with the type that its data URL says, and tried once only."""
    content = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    with Stubber(app.storage._image_client) as stubber:
        key = f"storymapjs/{USER}/rivers/_images/Bäume.png"
        stubber.add_response("put_object", {}, put(key, b"\x89PNG", "image/png"))
        form = {"id": "rivers", "name": "Bäume.png", "content": content}
        assert browser.post("/storymap/image/save/", data=form).json == {"id": "rivers", "name": "Bäume.png"}
        stubber.add_client_error("put_object", "SlowDown", http_status_code=503)
        answer = browser.post("/storymap/image/save/", data=form).json
        assert answer is not None
        assert answer["error"] == "Unable to save StoryMap"
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("what", ["save", "publish", "create", "image/save"])
def test_without_a_session_nothing_is_saved(app: ModuleType, storage: Stubber, what: str) -> None:
    """Whoever is not logged in is sent to the start page, and storage is not asked."""
    answer = app.app.test_client().post(f"/storymap/{what}/", data={"id": "rivers", "d": "{}"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/select/")


def test_the_editor_shows_a_draft(browser: FlaskClient, storage: Stubber) -> None:
    """The editor's page has the draft's headlines, escaped, and buttons that save and publish."""
    draft = json.dumps({"storymap": {"slides": [{"text": {"headline": "<Oslo>"}}]}}).encode()
    storage.add_response("get_object", {"Body": _Body(draft)}, {"Bucket": "maps", "Key": DRAFT})
    page = browser.get("/edit/rivers/").text
    assert "&lt;Oslo&gt;" in page
    assert 'data-to="/storymap/save/"' in page
    assert 'data-to="/storymap/publish/"' in page


def test_a_draft_that_is_not_there_is_told(browser: FlaskClient, storage: Stubber) -> None:
    """An editor for a storymap that cannot be loaded is a 404 with a message."""
    storage.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    answer = browser.get("/edit/rivers/")
    assert answer.status_code == 404
    assert "Unable to load StoryMap" in answer.text


def test_a_title_becomes_an_id_that_s3_and_people_can_read(app: ModuleType) -> None:
    """Slugs are ASCII, at most 200 characters, never empty."""
    assert app.slugify("  Zürich → Köln, by night! ") == "zurich-koln-by-night"
    assert len(app.slugify("x" * 300)) == 200
    assert app.slugify("日本") == "untitled"


class _Body:
    """What botocore gives to read an object from."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content
