"""Properties of the language: what is written reads back, whatever it holds; formatting keeps the meaning."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.format import format_text
from reconciler.config.kdl import KdlNode, parse_file, parse_kdl
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.write import write_document
from reconciler.config.writing import write_snapshot
from tests.unit.config.trees import BASE, template, template_attached

text = st.text(st.characters(codec="utf-8"), max_size=12)
names = text | st.sampled_from(["true", "null", "-1", "a b", "", "#x", "//", "/-", "{", "\ufeff", "a\u202eb"])
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
scalars = text | numbers | st.booleans() | st.none()
nodes = st.recursive(
    st.builds(
        KdlNode,
        names,
        st.lists(scalars, max_size=3).map(tuple),
        st.dictionaries(names, scalars, max_size=3),
        st.just(()),
        st.just(False),
    ),
    lambda inner: st.builds(
        KdlNode,
        names,
        st.lists(scalars, max_size=2).map(tuple),
        st.dictionaries(names, scalars, max_size=2),
        st.lists(inner, max_size=3).map(tuple),
        st.just(False),
    ),
    max_leaves=5,
)


@given(st.lists(nodes, max_size=4))
def test_what_is_written_reads_back(document: list[KdlNode]) -> None:
    written = write_document(document)
    assert parse_kdl(written, "a.kdl") == (tuple(document), ())
    assert write_document(parse_kdl(written, "a.kdl")[0] or ()) == written


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_floats_read_back_to_the_last_bit(values: list[float]) -> None:
    node = KdlNode("a", tuple(values), dict(zip("bcdef", values, strict=False)))
    written = write_document([node])
    assert parse_kdl(written, "a.kdl") == ((node,), ())


@given(st.lists(nodes, max_size=4))
def test_formatting_keeps_the_meaning_and_settles(document: list[KdlNode]) -> None:
    loose = write_document(document).replace("    ", "\t").replace("\n", " // c\n\n\n")
    parsed, _ = parse_file(loose, "a.kdl")
    assert parsed is not None
    laid_out = format_text(loose)
    again, findings = parse_file(laid_out, "a.kdl")
    assert again is not None, findings
    assert again.nodes == parsed.nodes
    assert format_text(laid_out) == laid_out
    assert laid_out.count("// c") == loose.count("// c")


@given(st.binary(max_size=300) | st.text(alphabet='{}"#=/\\-*; \na1("\u202e)', max_size=60))
@settings(max_examples=300)
def test_any_bytes_end_in_nodes_or_findings(content: bytes | str) -> None:
    parsed, findings = parse_file(content, "a.kdl")
    assert (parsed is None) == bool(findings)
    raw = content if isinstance(content, bytes) else content.encode()
    read_snapshot([SourceFile("base.kdl", BASE.encode()), SourceFile("a.kdl", raw)])


@given(st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_a_snapshot_reads_back_from_its_canonical_text(random: object) -> None:
    files = [SourceFile(path, content.encode()) for path, content in template().items()]
    attached = template_attached()
    random.shuffle(files)  # type: ignore[attr-defined]
    snapshot, findings = read_snapshot([*files, *attached])
    assert snapshot is not None, findings
    written = write_snapshot(snapshot)
    again, findings = read_snapshot([SourceFile("all.kdl", written.encode()), *attached])
    assert again is not None, findings
    assert again == snapshot
    assert again.to_json() == snapshot.to_json()
    assert write_snapshot(again) == written
    assert format_text(written) == written


@given(st.data())
@settings(max_examples=200)
def test_a_mutated_template_is_sound_or_has_findings_with_hints(data: st.DataObject) -> None:
    files = template()
    path = data.draw(st.sampled_from(sorted(files)))
    content = files[path]
    at = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 12))
    put = data.draw(
        st.sampled_from(["", "x", '"', "{", "}", "0", " ", "\n", "=", 'for "dev" {', content[at : at + 30]])
    )
    files[path] = content[:at] + put + content[at + length :]
    snapshot, findings = read_snapshot(
        [*(SourceFile(p, c.encode()) for p, c in files.items()), *template_attached()]
    )
    assert (snapshot is None) == any(f.is_error for f in findings)
    assert all(f.hint and f.message for f in findings)
