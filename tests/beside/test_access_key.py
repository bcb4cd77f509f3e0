"""What other instrumentations record of the credentials does not get past the Collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_savetrace.analysis.calls import is_call
from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS
from tests.beside.saves import Press
from tests.fixture_app import MAPS, starter
from tests.fixture_beside import Beside
from tests.fixture_beside_runs import OPTIONS, traced_beside
from tests.fixture_collector import RECEIVING, StartCollector
from tests.raw_store import RawStore, refused, reset

ACCESS_KEY_ID = "maps-writer-7c1f"
"""Like those of stores other than AWS's: nothing but the name of its attribute tells what it is."""

SECRET = "of-this-test-alone"

WHERE = {
    "aws and all": "aws.auth.account.access_key",
    "urllib3": "http.url",
}
"""The attribute in which the access key id stands before the Collector."""


@pytest.mark.parametrize("name", list(WHERE))
def test_the_access_key_id_does_not_pass_the_collector(
    name: str,
    beside: Beside,
    overlay: Path,
    store: RawStore,
    store_port: int,
    start_collector: StartCollector,
    tmp_path: Path,
) -> None:
    """The app's own spans hold the access key id; nothing that the Collector has archived does."""
    collector = start_collector((*RECEIVING, "30-archive.yaml"))
    environment = ENVIRONMENTS[name]
    tracing = {
        **traced_beside(environment, overlay),
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.http}",
        "AWS_ENDPOINT_URL_S3": store.address,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    store.script = [refused("403 Forbidden", "AccessDenied")] * 2 + [reset] * 4
    with starter(beside(environment.installed), store_port, tmp_path) as start:
        app = start(tracing, app=MAPS, options=OPTIONS)
        for press in (Press("refused", "save"), Press("reset", "save"), Press("well", "presigned")):
            saves.send(app, [press])
        app.stop()

    own = app.spans()
    assert [span for span in own if ACCESS_KEY_ID in str(span.attributes.get(WHERE[name]))]
    archived = collector.archived()
    assert {span.span_id for span in archived} == {span.span_id for span in own}
    assert len([span for span in archived if is_call(span)]) == 4
    written = "".join(path.read_text() for path in collector.archive.iterdir())
    assert ACCESS_KEY_ID not in written
    assert SECRET not in written
