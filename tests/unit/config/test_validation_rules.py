"""Rules of a project's own: what each check finds, where, how severe, in which scope, and at what cost."""

from __future__ import annotations

import pytest

from reconciler.config.findings import Finding, Severity
from reconciler.config.report import Report
from reconciler.config.rules.deletions import TRAILER, budgets_of, check_deletions, routes_in
from reconciler.config.rules.evaluate import check_rules
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.writing import write_snapshot
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM, brief, read, sound

SERVICES = """\
service "orders" {
    hosts "shop.example" "shop.internal"
    path-prefix "/orders"
    upstream "orders"
    for "production" {
        timeouts {
            response "5s"
        }
    }
}
service "legacy" {
    upstream "orders"
    attempts 9
}
"""


def rule(*lines: str, name: str = "r") -> str:
    return f'validation-rule "{name}" {{\n' + "".join(f"    {line}\n" for line in lines) + "}\n"


def found_by(*lines: str) -> tuple[Finding, ...]:
    return read(SERVICES, UPSTREAM, rule(*lines))[1]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (['kinds "service"', 'require "timeouts.response"'], ["E-RUL-001 1.kdl:1:9", "E-RUL-001 1.kdl:11:9"]),
        (
            ['kinds "service"', 'require "timeouts.response"', 'environments "production"'],
            ["E-RUL-001 1.kdl:11:9"],
        ),
        (['kinds "service"', 'require "timeouts.response"', 'except "legacy"'], ["E-RUL-001 1.kdl:1:9"]),
        (['kinds "service"', 'require "upstream"'], []),
        (['kinds "service"', 'require "priority"'], []),
        (['require "target.weight"', 'kinds "upstream"'], []),
        ([r'forbid #"\.internal$"#'], ["E-RUL-002 1.kdl:2:26"]),
        ([r'forbid #"\.internal$"# field="path-prefix"'], []),
        ([r'forbid #"^10\."# field="target"'], ["E-RUL-002 2.kdl:2:12"]),
        ([r'forbid #"^10\."# field="target.address"'], ["E-RUL-002 2.kdl:2:12"]),
        (['forbid "lega" field="name"'], ["E-RUL-002 1.kdl:11:9"]),
        (['kinds "service"', r'allow #"\.example$"# field="hosts"'], ["E-RUL-003 1.kdl:2:26"]),
        (['kinds "service"', 'allow "^[a-z]{1,6}$" field="name"'], []),
        (
            ['kinds "service"', "max-bytes 100"],
            ["E-RUL-004 1.kdl:1:9", "E-RUL-004 1.kdl:1:9", "E-RUL-004 1.kdl:11:9"],
        ),
        (['kinds "service"', "max-resources 1"], ["E-RUL-004 3.kdl:3:19"]),
        (['kinds "service"', "max-resources 2"], []),
        ([r'json-schema #"{"properties": {"attempts": {"maximum": 3}}}"#'], ["E-RUL-005 1.kdl:13:14"]),
        (
            [r'json-schema #"{"properties": {"hosts": {"items": {"pattern": "e$"}}}}"#'],
            ["E-RUL-005 1.kdl:2:26"],
        ),
        (
            ['kinds "upstream"', r'json-schema #"{"required": ["kind", "name", "tls"]}"#'],
            ["E-RUL-005 2.kdl:1:10"],
        ),
        (['kinds "project" "environment"', 'require "name"'], []),
    ],
)
def test_what_a_rule_finds(lines: list[str], found: list[str]) -> None:
    findings = found_by(*lines)
    assert brief(findings) == found
    assert all(f.hint and f.expected for f in findings)


def test_the_rules_own_words_and_severity() -> None:
    text = rule('severity "warning"', 'message "Say it"', 'kinds "service"', 'require "timeouts"')
    snapshot, findings = read(SERVICES, UPSTREAM, text)
    assert snapshot is not None
    assert {(f.severity, f.hint) for f in findings} == {(Severity.warning, "Say it")}
    assert [f.message for f in findings] == [
        "the service 'orders' lacks 'timeouts' in dev (rule 'r')",
        "the service 'legacy' lacks 'timeouts' (rule 'r')",
    ]
    assert read(SERVICES, UPSTREAM, text.replace('"warning"', '"error"'))[0] is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('message "x"', "E-KND-003 1.kdl:1:17"),
        ('kinds "servise"\n    max-bytes 1', "E-RUL-009 1.kdl:2:11"),
        ('kinds "service"\n    require "timeout"', "E-RUL-009 1.kdl:3:13"),
        ('kinds "service" "upstream"\n    require "hosts"', "E-RUL-009 1.kdl:3:13"),
        ('require "no-such"', "E-RUL-009 1.kdl:2:13"),
        ('forbid "x" field="hots"', "E-RUL-009 1.kdl:2:12"),
        ('environments "prod"\n    max-bytes 100000', "E-REF-001 1.kdl:2:18"),
        (r'forbid #"(?=x)"#', "E-VAL-006 1.kdl:2:12"),
        (r'forbid #"(a)\1"#', "E-VAL-006 1.kdl:2:12"),
        (f'forbid "(?:{"abcdefghij" * 10}){{60}}"', "E-VAL-006 1.kdl:2:12"),
        ('kinds "service"\n    deletions {\n        routes 1\n    }', "E-VAL-009 1.kdl:2:5"),
        ("deletions", "E-KND-008 1.kdl:2:5"),
    ],
)
def test_a_rule_that_could_not_work_is_a_finding_itself(line: str, found: str) -> None:
    _, findings = read(rule(line))
    assert brief(findings) == [found]
    assert all(f.hint and f.expected for f in findings)


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        "3",
        '{"a": 1}',
        '{"$ref": "#"}',
        '{"$ref": "http://127.0.0.1/x"}',
        '{"$defs": {}}',
        '{"uniqueItems": true}',
        '{"unevaluatedProperties": false}',
        '{"format": "uri"}',
        '{"type": "strin"}',
        '{"required": "x"}',
        '{"pattern": "(?=x)"}',
        '{"pattern": "(a"}',
        '{"patternProperties": {"(a": {}}}',
        '{"type": "object", "type": "array"}',
        '{"minimum": NaN}',
        '{"not": ' * 25 + "{}" + "}" * 25,
        '{"not": ' * 3000 + "{}" + "}" * 3000,
        '{"enum": ["' + "x" * 17_000 + '"]}',
        '{"allOf": ['
        + "{}," * 10
        + '{"anyOf": ['
        + ",".join(['{"type": "null", "title": ""}'] * 300)
        + "]}]}",
    ],
)
def test_schemas_that_are_not_used(schema: str) -> None:
    _, findings = read(rule(f'json-schema ##"{schema}"##'))
    assert brief(findings) == ["E-RUL-008 1.kdl:2:17"]
    assert findings[0].hint


def test_schemas_say_no_values() -> None:
    (finding,) = found_by(r'json-schema #"{"properties": {"attempts": {"const": 1}}}"#')[:1]
    assert "9" not in finding.message


@pytest.mark.parametrize(
    ("schema", "refused"),
    [
        ('{"patternProperties": {"^path": {"maxItems": 0}}}', True),
        ('{"patternProperties": {"^peth": {"maxItems": 0}}}', False),
        ('{"properties": {"kind": {}}, "additionalProperties": false}', True),
        ('{"patternProperties": {".": {}}, "additionalProperties": false}', False),
        ('{"properties": {"kind": {}}, "additionalProperties": {"type": "string"}}', True),
        ('{"if": {"required": ["hosts"]}, "then": {"required": ["timeouts"]}}', False),
        ('{"not": {"required": ["hosts"]}}', False),
        ("false", True),
        ("true", False),
    ],
)
def test_schemas_mean_what_json_schema_means(schema: str, refused: bool) -> None:
    _, findings = read(SERVICE, UPSTREAM, rule('kinds "service"', f'json-schema #"{schema}"#'))
    assert brief(findings)[:1] == (["E-RUL-005 1.kdl:" + brief(findings)[0][16:]] if refused else [])


def test_all_rules_share_one_budget() -> None:
    snapshot = sound(SERVICES, UPSTREAM, rule('forbid "a.*b.*c.*zzz"'))
    report = Report()
    check_rules(snapshot.resources, report, steps=100)
    (finding,) = report.resolved()
    assert brief((finding,)) == ["E-RUL-007 3.kdl:1:17"]


def test_rules_are_held_against_what_can_be_read_beside_other_mistakes() -> None:
    broken = SERVICES.replace("attempts 9", 'attempts "9"')
    _, findings = read(broken, UPSTREAM, rule('kinds "service"', 'require "timeouts"'))
    assert brief(findings) == ["E-RUL-001 1.kdl:1:9", "E-VAL-001 1.kdl:13:14"]


ROUTES = """\
service "a" {
    hosts "x.example" "y.example"
    path "/1" "/2" "/3" "/4" "/5"
    upstream "orders"
}
"""


def test_routes_are_counted_by_what_they_match() -> None:
    snapshot = sound(ROUTES, UPSTREAM)
    assert len(routes_in(snapshot, "dev")) == 10
    assert routes_in(sound(ROUTES.replace('"a"', '"b"'), UPSTREAM), "dev") == routes_in(snapshot, "dev")
    assert routes_in(snapshot, "nowhere") == frozenset()
    assert routes_in(sound('service "a" {\n    upstream "orders"\n}\n', UPSTREAM), "dev") == {
        (None, "path-prefix", "/", None)
    }


@pytest.mark.parametrize(
    ("budget", "removed", "trailers", "refused"),
    [
        ("routes 2", '"/1"', [], False),
        ("routes 2", '"/1" "/2"', [], True),
        ("routes 2", '"/1" "/2"', [(TRAILER, "3")], True),
        ("routes 2", '"/1" "/2"', [(TRAILER, "4")], False),
        ("routes 2", '"/1" "/2"', [(TRAILER.lower(), " 4 ")], False),
        ("routes 2", '"/1" "/2"', [(TRAILER, "4"), (TRAILER, "3")], True),
        ("routes 2", '"/1" "/2"', [(TRAILER, "all")], True),
        ("routes 2", '"/1" "/2"', [("Signed-off-by", "4")], True),
        ("percent 40", '"/1" "/2"', [], False),
        ("percent 39", '"/1" "/2"', [], True),
        ("percent 0", '"/1"', [], True),
        ("percent 0", "", [], False),
        ("routes 100\n        percent 10", '"/1"', [], True),
    ],
)
def test_a_budget_of_deletions(
    budget: str, removed: str, trailers: list[tuple[str, str]], refused: bool
) -> None:
    text = rule(f"deletions {{\n        {budget}\n    }}", 'message "Ask first"')
    before = sound(ROUTES, UPSTREAM, text)
    less = ROUTES
    for path in removed.split():
        less = less.replace(f" {path}", "")
    found = check_deletions(before, sound(less, UPSTREAM, text), budgets_of(before), trailers)
    assert [f.code for f in found] == ["E-RUL-006"] * 2 * refused
    assert all(f.is_error and f.hint.startswith("Ask first; ") for f in found)


def test_a_budget_may_be_for_one_environment_only() -> None:
    text = rule('environments "production"', "deletions {\n        routes 0\n    }", 'severity "warning"')
    before = sound(ROUTES, UPSTREAM, text)
    gone = sound(ROUTES.replace("{", '{\n    only "dev"', 1), UPSTREAM, text)
    (finding,) = check_deletions(before, gone, budgets_of(before), [])
    assert finding.severity is Severity.warning
    assert finding.message.startswith("10 of 10 routes of production are removed (rule 'r'): x.example/1, ")
    assert finding.hint.endswith("Allow-Deletions: 10")
    other = sound(ROUTES.replace("{", '{\n    only "production"', 1), UPSTREAM, text)
    assert check_deletions(before, other, budgets_of(before), []) == ()


def test_an_environment_that_is_gone_has_lost_its_routes() -> None:
    text = rule("deletions {\n        routes 0\n    }")
    before = sound(ROUTES, UPSTREAM, text)
    alone = BASE[: BASE.index('environment "production"')] + BASE[BASE.index("listener") :]
    after, findings = read_snapshot(
        [SourceFile(f"{n}.kdl", t.encode()) for n, t in enumerate([alone, ROUTES, UPSTREAM, text])]
    )
    assert after is not None, findings
    (finding,) = check_deletions(before, after, budgets_of(before), [])
    assert "of production" in finding.message


def test_rules_can_be_written_and_read_again() -> None:
    text = rule(
        'message "Quotes \\" and \\\\ stay"',
        'except "legacy"',
        r'forbid #"^\d+\"$"# field="hosts"',
        r'json-schema ##"{"properties": {"x": {"pattern": "^a#$"}}}"##',
        "deletions {\n        routes 5\n    }",
    )
    snapshot = sound(SERVICES, UPSTREAM, text)
    again, findings = read_snapshot([SourceFile("all.kdl", write_snapshot(snapshot).encode())])
    assert again is not None, findings
    assert again.to_json() == snapshot.to_json()
