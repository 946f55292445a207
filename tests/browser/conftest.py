"""A real Chromium at a real server, on the database of the test."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from agents_app.definitions.registry import registry
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from tests.admin.conftest import ROLES
from tests.admin.till import PlannedLLM, Till
from tests.office import persons
from tests.ports import own_port

ROOT = Path(__file__).parents[2]
SHOTS = os.environ.get("AGENTS_TEST_SHOTS")
"""A folder; where it is named, each page that a test looks at is drawn there."""

SIZES = {"wide": (1280, 800), "phone": (390, 844)}

LOOKS = [pytest.param("wide", "light", marks=pytest.mark.long), ("phone", "dark")]
"""The size and the theme in which a page is looked at; always in the one that is harder to get right."""
ALL_LOOKS = [
    *LOOKS,
    pytest.param("wide", "dark", marks=pytest.mark.long),
    pytest.param("phone", "light", marks=pytest.mark.long),
]


@pytest.fixture
def till(child_environment: dict[str, str]) -> Iterator[AgentsKit]:
    """The till is registered and goes by its plans; the queue is off, here and in the server.

    The environment first: while settings are overridden Django does not know the name of their module.
    """
    with registry.override(Till), AgentsKit.opened() as kit:
        kit.scripted_llm(Till, PlannedLLM())  # type: ignore[arg-type]
        yield kit


@pytest.fixture
def people(till: AgentsKit) -> dict[str, Any]:
    Group.objects.create(name="friends")
    return persons({name: ROLES[name] for name in ("approver", "viewer", "lead")}, is_staff=True)


@pytest.fixture
def run_of(people: dict[str, Any], till: AgentsKit) -> Callable[[str], Run[Any]]:
    """A run of the lead by one of the plans, gone as far as it goes by itself. Before the browser is opened."""

    def start(plan: str) -> Run[Any]:
        run: Run[Any] = start_run("till", plan, user=people["lead"], session="window")
        till.run_until_idle()
        return run.again()

    return start


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Any]]:
    """Do something beside the browser, whose driver runs a loop in this thread: Django refuses to work there."""
    with ThreadPoolExecutor(1) as worker:
        yield lambda work, *arguments: worker.submit(work, *arguments).result(30)
        worker.submit(connections.close_all).result(30)


class Server:
    """One for all tests, which takes longer to start than most of them. log: what it wrote."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        port = own_port()
        self.log = log
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "uvicorn", "tests.browser.server:application", "--port", str(port)]
        with log.open("w") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="session")
def served(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """The server, started by the first test that asks, and again if it has ended."""
    running: list[Server] = []

    def start(environment: dict[str, str]) -> Server:
        if not running or running[-1].process.poll() is not None:
            running.append(Server(tmp_path_factory.mktemp("server") / "log", environment))
        wait_for(f"{running[-1].address}/admin/login/", running[-1].process, running[-1].log)
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(till: AgentsKit, child_environment: dict[str, str], served: Callable[..., Server]) -> Iterator[str]:
    """Its address."""
    running = served(child_environment)
    before = len(running.log.read_text())
    yield running.address
    written = running.log.read_text()[before:]
    assert "Traceback" not in written, written


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the server answers."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(address, timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The server did not start:\n{log.read_text()}")


class Visitor:
    """Somebody at a browser. `complaints`: what its console said that it should not."""

    def __init__(self, context: BrowserContext, server: str, name: str) -> None:
        self.page: Page = context.new_page()
        self.server = server
        self.complaints: list[str] = []
        self.name = name
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        # Chromium logs each answer of 4xx; those pages are looked at by the tests themselves.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def log_in(self) -> None:
        self.page.goto(f"{self.server}/admin/login/?next=/admin/")
        self.page.fill("#id_username", self.name)
        self.page.fill("#id_password", "pw")
        self.page.click("input[type=submit]")
        self.page.wait_for_url("**/admin/")

    def open(self, path: str) -> Page:
        self.page.goto(self.server + path)
        return self.page

    def shoot(self, name: str) -> None:
        """Draw the page, if somebody wants to look at it."""
        if SHOTS:
            self.page.wait_for_timeout(700)
            self.page.screenshot(path=Path(SHOTS, f"{name}.png"), full_page=True)

    def assert_accessible(self) -> None:
        """No violation that axe calls serious, and nothing wider than the window."""
        # Without `preload`: to read a style sheet that imports others axe would write into the page, against its CSP.
        found = Axe().run(self.page, options={"preload": False}).response["violations"]
        serious = [
            (item["id"], [node["target"] for node in item["nodes"]])
            for item in found
            if item["impact"] in ("serious", "critical")
        ]
        assert not serious
        size = self.page.viewport_size
        assert size is not None
        assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.fixture
def visit(chromium: str, server: str) -> Iterator[Callable[..., Visitor]]:
    """Open a window for somebody who logs in. No page may complain on its console.

    The browser is started at the first call: what a test needs of the database it asks for before, or `elsewhere`.
    """
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        @cache
        def browser() -> Browser:
            playwright = stack.enter_context(sync_playwright())
            launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            stack.callback(launched.close)
            return launched

        def open_window(name: str, *, size: str = "wide", **options: Any) -> Visitor:
            width, height = SIZES[size]
            context = browser().new_context(viewport={"width": width, "height": height}, **options)
            visitors.append(Visitor(context, server, name))
            visitors[-1].log_in()
            return visitors[-1]

        yield open_window
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
