"""What is made from the schema and the table of codes says what they say."""

from __future__ import annotations

import json
import re

import jsonschema

from reconciler.config.codes import CODES
from reconciler.config.explaining import explain, topics
from reconciler.config.json_schema import json_schema
from reconciler.config.kinds import KINDS
from reconciler.config.reference import render_reference
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.trees import ROOT, template, template_attached


def test_the_pages_on_disk_are_the_rendered_ones() -> None:
    different = [path for path, text in render_reference().items() if (ROOT / path).read_text() != text]
    assert different == []


def test_every_kind_and_every_field_is_on_its_page() -> None:
    pages = render_reference()
    for kind in KINDS.values():
        page = pages[f"docs/language/{kind.name}.md"]
        assert all(f"`{field.name}`" in page for field in kind.field.children)


def test_every_code_of_the_table_is_used() -> None:
    sources = [
        path.read_text()
        for folder in ("config", "compile")
        for path in (ROOT / "reconciler" / folder).rglob("*.py")
        if path.name != "codes.py"
    ]
    used = set(re.findall(r'"([EW]-[A-Z]{3}-\d{3})"', "\n".join(sources)))
    areas = {code[:5] for code in CODES}
    assert {code for code in used if code[:5] in areas} == set(CODES)


def test_every_topic_has_an_explanation() -> None:
    assert all(explain(topic) for topic in topics())
    assert explain("e-ref-001") == explain("E-REF-001")
    assert explain("nothing") is None


def test_the_json_form_of_the_template_fits_the_json_schema() -> None:
    snapshot, _ = read_snapshot(
        [*(SourceFile(path, text.encode()) for path, text in template().items()), *template_attached()]
    )
    assert snapshot is not None
    form = json.loads(json.dumps(snapshot.to_json()))
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(form)) == []
    service = next(item for item in form if item["kind"] == "service")
    assert not validator.is_valid([{**service, "priorty": 5}])
    assert not validator.is_valid([{**service, "priority": "5"}])
