"""The JSON form back into the language, and one resource changed in a file of which the rest stays."""

from __future__ import annotations

import pytest

from reconciler.config.editing import add_resource, remove_resource, replace_resource, resource_texts
from reconciler.config.edits import Edit, edit_tree
from reconciler.config.from_json import NoForm, node_of
from reconciler.config.kinds import KINDS
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.write import write_document
from reconciler.config.writing import resource_node
from tests.property.gallery import FILES

TREE = [SourceFile(path, text.encode()) for path, text in FILES.items()]


def test_every_resource_comes_back_from_its_json_form() -> None:
    snapshot, findings = read_snapshot(TREE)
    assert snapshot is not None, findings
    for resource in snapshot.resources.values():
        back = node_of(resource.kind, resource.name, resource.to_json())
        assert write_document([back]) == write_document([resource_node(resource)])


def test_every_resource_can_be_replaced_and_removed_where_it_stands() -> None:
    for text in FILES.values():
        for (kind, name), words in resource_texts(text).items():
            assert replace_resource(text, kind, name, words) == text
            without = remove_resource(text, kind, name)
            assert resource_texts(without).keys() == resource_texts(text).keys() - {(kind, name)}
            assert resource_texts(add_resource(without, words))[kind, name] == words


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('// mine\na "x" {\n    b 1\n}\n\n// of y\na "y"\n', '// mine\n\n// of y\na "y"\n'),
        ('a "x"; a "y"\n', 'a "y"\n'),
        ('a "y"; a "x"\n', 'a "y"; \n'),
        ('a "x" // why\n', ""),
        ('a "y"\r\n\r\na "x"\r\n', 'a "y"\r\n\r\n'),
    ],
)
def test_what_stands_around_a_resource_stays(text: str, left: str) -> None:
    assert remove_resource(text, "a", "x") == left


@pytest.mark.parametrize(
    "document",
    [
        {"name": "other"},
        {"target": [{"address": "a", "deep": [{"x": [[1]]}]}]},
        {"for": 1},
        {"only": "dev"},
        {"load-balancing": float("inf")},
    ],
)
def test_what_has_no_form_in_the_language(document: dict[str, object]) -> None:
    with pytest.raises(NoForm):
        node_of(KINDS["upstream"], "orders", document)


def test_a_new_resource_goes_where_its_kind_is() -> None:
    form = {"target": [{"address": "10.0.0.9:80"}]}
    made = edit_tree(TREE, Edit("upstream", "fresh", form))
    assert (made.status, made.path) == ("edited", "upstreams.kdl")
    alone = edit_tree(TREE[:1], Edit("upstream", "fresh", form))
    assert alone.path == "upstreams/fresh.kdl"
    assert alone.content == b'upstream "fresh" {\n    target "10.0.0.9:80"\n}\n'
