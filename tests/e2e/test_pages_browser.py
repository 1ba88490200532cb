"""The status pages in a real browser: no fault on the console, no sideways scrolling, live, and whole without script.

axe-core finds no serious fault. Screenshots are left in `.artifacts/screenshots/`, or where SCREENSHOTS says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import axe_playwright_python
import pytest

from reconciler.clock import now
from reconciler.db import session
from reconciler.db.migrate import migrate
from reconciler.db.models import Commit, Environment, Event, Rollout
from reconciler.db.session import writing
from reconciler.settings import read_settings
from tests.servers.process import free_port
from tests.unit.pages import sample_project
from tests.unit.pages.sample_project import SHOP, commit_sha, digest, sha

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(
    os.environ.get("SCREENSHOTS") or Path(__file__).resolve().parents[2] / ".artifacts" / "screenshots"
)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SERIOUS = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
  return found.violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
"""What axe-core finds that keeps somebody from reading or using a page."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CONFIGURATION = """
organization "acme" {
    name "Acme"
    keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }
    connection "origin" { forge "github"; secret "file:w" }
    project "shop" {
        name "Shop"
        repository "https://git.acme.example/edge/shop.git"
        trunk "main"
        connection "origin"
    }
}
"""
PAGES = {
    "projects": "/",
    "project": "/o/acme/p/shop/",
    "certificates": "/o/acme/p/shop/certificates",
    "commit": f"/o/acme/p/shop/commits/{commit_sha(14)}",
    "risk": f"/o/acme/p/shop/commits/{commit_sha(13)}",
    "environment": "/o/acme/p/shop/environments/production",
    "rollout": "/o/acme/p/shop/environments/production/rollouts/r-0006",
    "bundle": f"/o/acme/p/shop/bundles/{digest(9)}",
    "nodes": "/o/acme/p/shop/nodes",
    "node": f"/o/acme/p/shop/nodes/n-{sha('production-edge-07')[:20]}",
    "approvals": "/o/acme/p/shop/approvals",
    "calendar": "/o/acme/p/shop/calendar",
    "rollouts": "/o/acme/p/shop/rollouts",
    "bundles": "/o/acme/p/shop/bundles",
    "drift": "/o/acme/p/shop/drift",
    "topology": "/o/acme/p/shop/topology",
    "vertex": "/o/acme/p/shop/topology?focus=waf-policy/public",
    "waf": "/o/acme/p/shop/waf",
    "secrets": "/o/acme/p/shop/secrets",
    "events": "/o/acme/p/shop/events",
    "webhooks": "/o/acme/p/shop/webhooks",
    "pulls": "/o/acme/p/shop/pulls",
    "pull": "/o/acme/p/shop/pulls/7",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the pages as they are served: `python -m web.serve` over a filled database."""
    home = tmp_path_factory.mktemp("pages")
    settings = read_settings({"SENTINEL_HOME": str(home)})
    (home / "control-plane.kdl").write_text(CONFIGURATION)
    migrate(settings)
    session.connect(settings)
    sample_project.fill(SHOP.organization, SHOP.slug)
    port = free_port()
    with (home / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "web.serve", "--bind", f"127.0.0.1:{port}", "--threads", "24"],
            env=os.environ | {"SENTINEL_HOME": str(home), "PAGES_ACCESS": "loopback"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        await_ready(f"{address}/ready")
        yield address
    finally:
        process.terminate()
        process.wait(20)
        session.disconnect()
    assert "Traceback" not in (home / "web.log").read_text()


def await_ready(address: str) -> None:
    for _ in range(300):
        try:
            with urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{address} did not become ready")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield found
        found.close()


def listen(page: Any) -> list[str]:
    """Everything that goes wrong on a page from now on; requests to anybody else as well."""
    faults: list[str] = []
    page.on(
        "console",
        lambda message: faults.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda sent: faults.append(sent.url) if "127.0.0.1" not in sent.url else None)
    return faults


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_fit_for_everybody(site: str, browser: Any, scheme: str, width: int) -> None:
    """axe-core looks at both schemes and both widths, each page in two of the four combinations."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    faults = listen(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    serious = []
    for name, path in PAGES.items():
        assert page.goto(site + path).status == 200
        assert page.locator("main").inner_text().strip()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (name, wide) == (name, 0)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
        if (scheme, width) in (("light", 1400), ("dark", 390)):
            page.evaluate(AXE)
            serious += [f"{name}: {words}" for words in page.evaluate(SERIOUS)]
    assert serious == []
    assert faults == []
    context.close()


def test_every_page_says_everything_without_script(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    faults = listen(page)
    for path in PAGES.values():
        assert page.goto(site + path).status == 200
        assert page.locator("main").inner_text().strip()
    page.goto(site + PAGES["project"])
    text = page.locator("main").inner_text()
    for words in (
        "running here",
        "rolling out",
        "services/checkout.kdl:14:14",
        "2 of 3 nodes have been healthy",
    ):
        assert words in text
    assert faults == []
    context.close()


def test_a_change_is_on_the_screen_without_reloading(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    faults = listen(page)
    page.goto(site + PAGES["project"])
    page.wait_for_selector('[data-lamp="live"]', timeout=10_000)
    page.evaluate("window.stayed = true")
    with writing():
        Commit.create(
            organization="acme",
            project="shop",
            sha="f" * 40,
            position=15,
            author_name="Ada",
            author_email="ada@example.org",
            authored_at=now(),
            subject="A change while you look",
            seen_at=now(),
            state="found",
        )
        Event.create(organization="acme", project="shop", kind="commit.found", subject="f" * 40, at=now())
    page.wait_for_selector("text=A change while you look", timeout=10_000)
    with writing():
        Rollout.update(state="completed", ended_at=now()).where(Rollout.name == "r-0008").execute()
        Environment.update(updated_at=now()).where(Environment.name == "staging").execute()
    page.wait_for_selector(".ladders section:only-child", timeout=10_000)
    assert page.evaluate("window.stayed") is True
    assert faults == []
    context.close()


def test_the_keyboard_reaches_the_matrix(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(site + PAGES["project"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "subject":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/commits/**")
    context.close()


def test_the_tabs_fit_beside_each_other_on_a_wide_screen(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(site + PAGES["project"])
    tabs = "document.querySelector('.tabs')"
    assert page.evaluate(f"{tabs}.scrollWidth - {tabs}.clientWidth") == 0
    context.close()


def test_keys_find_and_walk(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(site + PAGES["project"])
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("j")
    assert page.input_value("#find") == "j"
    page.goto(site + PAGES["nodes"])
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('href')") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.getAttribute('href')") == first
    context.close()


def test_the_map_is_lit_sifted_and_dragged(site: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 700})
    page = context.new_page()
    faults = listen(page)
    page.goto(site + PAGES["topology"])
    checkout = page.locator('a.plate[data-name="checkout"]').first
    checkout.hover()
    lit = page.evaluate("[...document.querySelectorAll('.plate.on')].map((plate) => plate.dataset.name)")
    assert {"checkout", "customers", "public"} <= set(lit)
    assert "updates" not in lit
    page.fill("#q", "api")
    hit = page.evaluate("[...document.querySelectorAll('.plate.hit')].map((plate) => plate.dataset.name)")
    assert sorted(hit) == ["api", "api-limit"]
    page.fill("#q", "")
    box = page.locator("[data-map]").bounding_box()
    page.mouse.move(box["x"] + 400, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 8, steps=4)
    page.mouse.up()
    assert page.evaluate("document.querySelector('[data-map]').scrollLeft") > 200
    page.evaluate("document.querySelector('[data-map]').scrollLeft = 0")
    checkout.click()
    page.wait_for_url("**focus=service**")
    assert page.locator("h1").inner_text() == "checkout"
    assert faults == []
    context.close()
