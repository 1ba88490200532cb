"""The comment on a pull request as people see it: what they have to know stands on the first screen.

Screenshots are left where those of the pages are; `docs/images/pull-request.png` is one of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS") or ROOT / ".artifacts" / "screenshots")
GOLDEN = ROOT / "tests" / "unit" / "plan" / "golden"
WIDTH, HEIGHT = 900, 760
FIRST = {
    "half_of_the_routes": (
        "Look twice",
        "4 of 8 routes (50 %) are changed or gone",
        "Removed (4)",
        "2 approvals",
    ),
    "no_auth_any_more": ("risk: critical", "shop is no longer guarded by", "Removed (5)", "40 (restart)"),
    "a_proxy_version_that_is_none": ("no environment will change", "'0.5.0' is not a value of this field"),
}
STYLE = """
body { font: 14px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1f2328; margin: 24px; max-width: 840px }
h3 { font-size: 18px; margin: 0 0 12px } p, ul, table { margin: 0 0 12px } ul { padding-left: 24px }
code { font: 12px "DejaVu Sans Mono", monospace; background: #eff1f3; border-radius: 4px; padding: 2px 5px }
pre { background: #f6f8fa; padding: 12px; overflow: auto } pre code { background: none; padding: 0 }
table { border-collapse: collapse; font-size: 13px }
th, td { border: 1px solid #d1d9e0; padding: 5px 10px; text-align: left }
"""
"""About what a forge's own style sheet makes of it."""


def test_what_matters_of_a_plan_stands_on_its_first_screen(chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, words in FIRST.items():
            text = (GOLDEN / f"{name}.md").read_text()
            html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
            page.set_content(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{html}")
            for said in words:
                box = page.get_by_text(said).first.bounding_box()
                assert box is not None, said
                assert box["y"] + box["height"] <= HEIGHT, f"{said} of {name}"
            page.screenshot(path=SCREENSHOTS / f"comment-{name}.png")
        browser.close()
