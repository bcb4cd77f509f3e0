"""Lists the fixture plugins; each is a file of its own subject."""

pytest_plugins = [
    "tests.fixture_guard",
    "tests.fixture_interrupt",
    "tests.fixture_capture",
    "tests.fixture_wires",
    "tests.fixture_figures",
    "tests.fixture_backoff",
    "tests.fixture_real_parts",
    "tests.fixture_logging_server",
    "tests.fixture_jaeger",
    "tests.fixture_collector",
    "tests.fixture_docker",
    "tests.fixture_spans",
    "tests.fixture_wheel",
    "tests.fixture_packages",
    "tests.fixture_script",
    "tests.fixture_app",
    "tests.fixture_nginx",
    "tests.fixture_postgresql",
    "tests.fixture_beside",
    "tests.fixture_beside_runs",
]
