"""Services made from templates: what comes out, what stays written, and what is told of mistakes and where."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from reconciler.config.json_schema import json_schema
from reconciler.config.snapshot import Snapshot
from reconciler.config.templates import planting
from reconciler.config.templates.builtin import BUILTIN
from reconciler.config.writing import write_snapshot
from tests.unit.config.trees import UPSTREAM, brief, read, sound

OWN = """\
template "api" {
    parameter "hosts" {
        type "host"
        list #true
    }
    parameter "to" {
        type "upstream"
        default "orders"
    }
    parameter "area" {
        type "text"
        default "all"
    }
    parameter "rate" {
        type "integer"
        required #false
    }
    service {
        hosts "${param:hosts}" "api.example"
        path-prefix "/v1/${param:area}"
        upstream "${param:to}"
        attempts 2
        rate-limit {
            requests-per-second "${param:rate}"
            by "path"
        }
    }
}
"""
OTHER = """\
upstream "other" {
    target "10.0.0.9:80"
}
"""


def service(body: str, name: str = "a") -> str:
    return f'service "{name}" {{\n{body}\n}}\n'


def data(snapshot: Snapshot, environment: str = "", name: str = "a") -> dict[str, Any]:
    """The effective data of a service without what is there by default."""
    found = snapshot.resources[("service", name)].effective(environment)
    return {key: value for key, value in found.items() if key not in ("priority", "protocol", "websocket")}


CALL = '    template "api" {\n        hosts "b.example" "a.example"\n    }\n'


def test_placeholders_stand_for_values_lists_and_parts_of_strings() -> None:
    snapshot = sound(UPSTREAM, OWN, service(CALL.replace("    }", '        area "x"\n    }')))
    assert data(snapshot) == {
        "hosts": ["a.example", "api.example", "b.example"],
        "path-prefix": ["/v1/x"],
        "upstream": "orders",
        "attempts": 2,
    }


def test_a_parameter_without_a_value_takes_its_line_and_the_block_that_needs_it_away() -> None:
    assert "rate-limit" not in data(sound(UPSTREAM, OWN, service(CALL)))
    given = sound(UPSTREAM, OWN, service(CALL.replace("    }", "        rate 5\n    }")))
    assert data(given)["rate-limit"]["requests-per-second"] == 5


def test_the_service_wins_name_by_name_and_may_leave_out() -> None:
    snapshot = sound(
        UPSTREAM,
        OTHER,
        OWN,
        service(CALL + '    upstream "other"\n    path "/x"\n    remove "path-prefix" "attempts"'),
    )
    assert data(snapshot) == {
        "hosts": ["a.example", "api.example", "b.example"],
        "path": ["/x"],
        "upstream": "other",
    }


def test_an_environment_may_change_fields_values_and_the_template_itself() -> None:
    text = service(
        CALL
        + """\
    methods "GET"
    for "dev" {
        template "api" {
            hosts "dev.example"
            area "dev"
        }
        remove "attempts"
    }
    for "production" {
        template "rest-api" {
            hosts "p.example"
            upstream "orders"
        }
        remove "response-headers"
        priority 7
    }"""
    )
    snapshot = sound(UPSTREAM, OWN, text)
    assert data(snapshot, "dev") == {
        "hosts": ["api.example", "dev.example"],
        "path-prefix": ["/v1/dev"],
        "upstream": "orders",
        "methods": ["GET"],
    }
    assert data(snapshot, "production") == {
        "hosts": ["p.example"],
        "path-prefix": ["/"],
        "upstream": "orders",
        "methods": ["GET"],
        "timeouts": {"response": "15s"},
    }
    assert snapshot.resources[("service", "a")].effective("production")["priority"] == 7


def test_what_a_service_leaves_out_stays_out_with_other_values() -> None:
    there = CALL.replace("a.example", "c.example").replace("\n", "\n    ")
    text = service(f'{CALL}    remove "attempts"\n    for "dev" {{\n    {there}}}')
    snapshot = sound(UPSTREAM, OWN, text)
    assert "attempts" not in data(snapshot, "dev")
    assert data(snapshot, "dev")["hosts"] == ["api.example", "b.example", "c.example"]
    assert "attempts" not in data(snapshot, "production")


def test_an_environment_may_do_without_the_template() -> None:
    snapshot = sound(
        UPSTREAM,
        OTHER,
        OWN,
        service(CALL + '    for "dev" {\n        remove "template"\n        upstream "other"\n    }'),
    )
    assert data(snapshot, "dev") == {"upstream": "other"}
    assert data(snapshot, "production")["attempts"] == 2


def test_a_template_may_be_different_in_an_environment() -> None:
    own = (
        OWN.rstrip().removesuffix("}")
        + """\
    for "dev" {
        service {
            hosts "${param:hosts}"
            upstream "${param:to}"
        }
    }
}
"""
    )
    plain = sound(UPSTREAM, own, service(CALL))
    assert data(plain, "dev") == {"hosts": ["a.example", "b.example"], "upstream": "orders"}
    assert data(plain, "production")["attempts"] == 2
    limited = sound(UPSTREAM, own, service(CALL + '    only "production"'))
    assert "for" not in limited.resources[("service", "a")].to_json()
    both = sound(UPSTREAM, own, service(CALL + '    for "dev" "production" {\n        path "/x"\n    }'))
    assert data(both, "dev") == {"hosts": ["a.example", "b.example"], "upstream": "orders", "path": ["/x"]}
    assert data(both, "production")["path-prefix"] == ["/v1/all"]


@pytest.mark.parametrize("name", list(BUILTIN))
def test_what_is_built_in_may_be_replaced(name: str) -> None:
    own = OWN.replace('"api"', f'"{name}"')
    snapshot = sound(UPSTREAM, own, service(CALL.replace('"api"', f'"{name}"')))
    assert data(snapshot)["attempts"] == 2


def test_what_is_written_stays_as_it_is_written() -> None:
    text = service(
        CALL
        + """\
    methods "GET"
    remove "attempts"
    for "dev" {
        template "api" {
            hosts "b.example" "a.example"
        }
    }
    for "production" {
        remove "template"
        upstream "orders"
        path "/y"
    }"""
    )
    snapshot = sound(UPSTREAM, OWN, text)
    form = snapshot.resources[("service", "a")].to_json()
    call = {"name": "api", "parameters": {"hosts": ["a.example", "b.example"]}}
    assert form == {
        "kind": "service",
        "name": "a",
        "template": call,
        "methods": ["GET"],
        "remove": ["attempts"],
        "for": {
            "dev": {"template": call},
            "production": {"upstream": "orders", "path": ["/y"], "remove": ["template"]},
        },
    }
    jsonschema.validate(json.loads(json.dumps(snapshot.to_json())), json_schema())
    again = write_snapshot(snapshot)
    assert 'template "api" {\n        hosts "a.example" "b.example"\n    }' in again
    reread, findings = read(
        again.replace("project", "/-project")
        .replace('environment "', '/-environment "')
        .replace("listener", "/-listener")
    )
    assert reread is not None, findings
    assert reread == snapshot
    assert write_snapshot(reread) == again


FINDINGS = {
    "no such template": (service('    template "rest-apj"'), ["E-REF-001 3.kdl:2:14"]),
    "no name": (service("    template"), ["E-KND-005 3.kdl:2:5"]),
    "two names": (
        service('    template "sse" "api" {\n        hosts "a.example"\n    }'),
        ["E-TPL-006 3.kdl:2:5", "E-KND-006 3.kdl:2:20"],
    ),
    "two templates": (service(CALL + CALL), ["E-KND-004 3.kdl:5:5"]),
    "unknown parameter": (
        service('    template "api" {\n        hosts "a.example"\n        hoost "x"\n    }'),
        ["E-TPL-005 3.kdl:4:9"],
    ),
    "missing parameter": (service('    template "api" {\n        area "x"\n    }'), ["E-TPL-006 3.kdl:2:5"]),
    "wrong type": (
        service('    template "api" {\n        hosts "a.example"\n        rate "9"\n    }'),
        ["E-VAL-001 3.kdl:4:14"],
    ),
    "wrong for the field": (
        service('    template "api" {\n        hosts "a.example"\n        rate 0\n    }'),
        ["E-VAL-003 3.kdl:4:14"],
    ),
    "wrong in the string": (
        service('    template "api" {\n        hosts "a.example"\n        area "x y"\n    }'),
        ["E-VAL-004 3.kdl:4:14"],
    ),
    "no such upstream": (
        service('    template "api" {\n        hosts "a.example"\n        to "orderz"\n    }'),
        ["E-REF-001 3.kdl:4:12"],
    ),
    "two values": (
        service('    template "api" {\n        hosts "a.example"\n        to "orders" "x"\n    }'),
        ["E-KND-006 3.kdl:4:21"],
    ),
    "twice": (
        service('    template "api" {\n        hosts "a.example"\n        hosts "b.example"\n    }'),
        ["E-KND-004 3.kdl:4:9"],
    ),
    "twice in one": (
        service('    template "api" {\n        hosts "a.example" "a.example"\n    }'),
        ["E-VAL-008 3.kdl:3:27"],
    ),
    "a block": (
        service('    template "api" {\n        hosts "a.example" {\n            x 1\n        }\n    }'),
        ["E-KND-007 3.kdl:4:13"],
    ),
    "a property": (
        service('    template "api" x=1 {\n        hosts "a.example" y=2\n    }'),
        ["E-KND-009 3.kdl:2:20", "E-KND-009 3.kdl:3:27"],
    ),
    "own field wrong": (service(CALL + "    attempts 99"), ["E-VAL-003 3.kdl:5:14"]),
    "nothing to remove": (service(CALL + '    remove "cache"'), ["E-KND-010 3.kdl:5:12"]),
    "removed and set": (service(CALL + '    attempts 1\n    remove "attempts"'), ["E-KND-010 3.kdl:6:12"]),
    "needed and removed": (service(CALL + '    remove "upstream"'), ["E-KND-003 3.kdl:1:1"]),
    "remove without a template": (
        service('    upstream "orders"\n    remove "path"'),
        ["E-KND-010 3.kdl:3:5"],
    ),
    "remove a template that is not there": (
        service(
            '    upstream "orders"\n    for "dev" {\n        remove "template"\n        attempts 1\n    }'
        ),
        ["E-KND-002 3.kdl:4:16"],
    ),
    "in an environment": (
        service(
            '    upstream "orders"\n    for "dev" {\n        template "api" {\n            hosts "_"\n        }\n    }'
        ),
        ["E-VAL-004 3.kdl:5:19"],
    ),
    "removed there and nowhere": (
        service(
            CALL
            + '    for "dev" {\n        template "api" {\n            hosts "x.example"\n        }\n'
            + '        remove "cache"\n    }'
        ),
        ["E-KND-010 3.kdl:9:16"],
    ),
    "for without an environment": (
        service(
            CALL + '    for {\n        template "api" {\n            hosts "x.example"\n        }\n    }'
        ),
        ["E-KND-005 3.kdl:5:5"],
    ),
    "both say what becomes of it": (
        service(CALL + '    redirect {\n        host "a.example"\n    }'),
        ["E-VAL-009 3.kdl:5:5"],
    ),
    "a placeholder in a service": (
        service('    upstream "orders"\n    response-headers {\n        set "X-A" "${param:x}"\n    }'),
        ["E-TPL-003 3.kdl:4:19"],
    ),
}


@pytest.mark.parametrize("case", list(FINDINGS))
def test_mistakes_of_a_service_are_told_at_its_tokens(case: str) -> None:
    text, expected = FINDINGS[case]
    _, findings = read(UPSTREAM, OWN, text)
    assert brief(findings) == expected, "\n".join(map(str, findings))
    assert all(finding.hint for finding in findings)


def own(old: str, new: str) -> str:
    assert old in OWN
    return OWN.replace(old, new)


DEFINITIONS = {
    "unused": (
        own("    service {", '    parameter "x" {\n        type "text"\n    }\n    service {'),
        ["E-TPL-001 2.kdl:18:15"],
    ),
    "unknown": (own("${param:to}", "${param:too}"), ["E-TPL-001 2.kdl:6:15", "E-TPL-002 2.kdl:21:18"]),
    "misspelt": (own("${param:to}", "${parm:to}"), ["E-TPL-003 2.kdl:21:18"]),
    "malformed": (own("${param:to}", "${param:To}"), ["E-TPL-003 2.kdl:21:18"]),
    "never closed": (own("${param:to}", "${param:to"), ["E-TPL-003 2.kdl:21:18"]),
    "a list where one stands": (
        own("${param:area}", "${param:hosts}"),
        ["E-TPL-001 2.kdl:10:15", "E-TPL-004 2.kdl:20:21"],
    ),
    "default of another type": (own('default "orders"', "default 5"), ["E-VAL-001 2.kdl:8:17"]),
    "two defaults of one value": (own('default "all"', 'default "all" "b"'), ["E-TPL-004 2.kdl:12:23"]),
    "required with a default": (
        own('default "all"', 'default "all"\n        required #true'),
        ["E-VAL-009 2.kdl:12:17"],
    ),
    "no such type": (own('type "text"', 'type "string"'), ["E-VAL-002 2.kdl:11:14"]),
    "no such field": (own("attempts 2", "attemts 2"), ["E-KND-002 2.kdl:22:9"]),
    "wrong value": (own("attempts 2", "attempts 200"), ["E-VAL-003 2.kdl:22:18"]),
    "no service": ('template "api" {\n    description "x"\n}\n', ["E-KND-003 2.kdl:1:1"]),
    "a template in a template": (own("attempts 2", 'template "sse"'), ["E-KND-002 2.kdl:22:9"]),
    "default names a parameter": (own('default "all"', 'default "${param:to}"'), ["E-TPL-003 2.kdl:12:17"]),
}


@pytest.mark.parametrize("case", list(DEFINITIONS))
@pytest.mark.parametrize("used", [True, False])
def test_mistakes_of_a_template_are_told_once_whoever_uses_it(case: str, used: bool) -> None:
    text, expected = DEFINITIONS[case]
    _, findings = read(UPSTREAM, text, service(CALL) + service(CALL, "b") if used else "")
    assert brief(findings) == expected, "\n".join(map(str, findings))
    assert all(finding.hint for finding in findings)


def test_a_template_cannot_be_made_from_another_and_the_hint_says_what_to_do() -> None:
    _, findings = read(UPSTREAM, own("attempts 2", 'template "sse"'))
    assert findings[0].hint == "a template cannot be made from another one: write the other's lines here"


def test_what_comes_out_wrong_is_told_at_the_template_with_the_service_named() -> None:
    text = own('upstream "${param:to}"', 'upstream "${param:to}"\n        auth "nobody"')
    _, findings = read(UPSTREAM, text, service(CALL) + service(CALL, "b"))
    assert brief(findings) == ["E-REF-001 2.kdl:22:14"]
    assert findings[0].message == (
        "the auth-policy 'nobody' does not exist (in the service 'a', which is made from this template)"
    )


def test_what_comes_out_wrong_of_a_given_value_is_told_at_the_service_with_the_template_named() -> None:
    _, findings = read(UPSTREAM, OWN, FINDINGS["wrong for the field"][0])
    assert findings[0].message == "0 is out of range (the parameter 'rate' of the template 'api')"


def test_what_comes_out_wrong_of_a_built_in_template_is_told_at_its_name() -> None:
    text = service(
        '    template "grpc" {\n        hosts "a.example"\n        upstream "orders"\n    }\n    methods "GET"'
    )
    _, findings = read(UPSTREAM, text)
    assert brief(findings) == ["E-VAL-009 2.kdl:6:13"]
    cached = text.replace('methods "GET"', 'cache {\n        ttl "5s"\n    }')
    assert brief(read(UPSTREAM, cached)[1]) == ["E-VAL-009 2.kdl:6:5"]


def test_a_default_that_does_not_fit_is_told_where_it_stands() -> None:
    wrong = own('default "orders"', 'default "orderz"')
    _, findings = read(UPSTREAM, wrong, service(CALL))
    assert brief(findings) == ["E-REF-001 2.kdl:8:17"]


def test_a_template_has_to_exist_where_it_is_used() -> None:
    limited = OWN.rstrip().removesuffix("}") + '    only "dev"\n}\n'
    _, findings = read(UPSTREAM, limited, service(CALL))
    assert brief(findings) == ["E-REF-002 3.kdl:2:14"]
    assert read(UPSTREAM, limited, service(CALL + '    only "dev"'))[1] == ()


def test_rules_see_what_comes_out_and_not_the_template() -> None:
    rule = 'validation-rule "few" {\n    forbid "api\\\\.example"\n}\n'
    _, findings = read(UPSTREAM, OWN, service(CALL), rule)
    assert brief(findings) == ["E-RUL-002 2.kdl:19:32"]
    assert read(UPSTREAM, OWN, rule)[1] == ()


def test_secrets_in_templates_are_looked_for_in_what_comes_out() -> None:
    text = own(
        "attempts 2", 'request-headers {\n            set "X-Key" "${secret:${param:area}}"\n        }'
    )
    _, findings = read(UPSTREAM, text, service(CALL))
    assert [f.code for f in findings] == ["E-REF-001"]
    secret = 'secret "all" {\n    description "x"\n}\n'
    found = [f.code for f in read(UPSTREAM, text, service(CALL), secret)[1]]
    assert "E-REF-001" not in found


def test_the_order_of_files_means_nothing() -> None:
    assert sound(UPSTREAM, service(CALL), OWN).to_json() == sound(OWN, service(CALL), UPSTREAM).to_json()


def test_what_templates_make_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planting.Allowance, "__init__", lambda self: _limit(self, 60, 1000))
    assert read(UPSTREAM, OWN, service(CALL))[1] == ()
    many = "".join(service(CALL, f"a{number}") for number in range(20))
    _, findings = read(UPSTREAM, OWN, many)
    assert [finding.code for finding in findings] == ["E-TPL-007"]
    long = CALL.replace("    }", f'        area "{"x" * 999}"\n    }}')
    _, findings = read(UPSTREAM, OWN, service(long))
    assert [finding.code for finding in findings] == ["E-TPL-007"]


def _limit(allowance: planting.Allowance, nodes: int, characters: int) -> None:
    allowance.nodes, allowance.characters = nodes, characters


def test_a_given_value_is_never_read_as_text_of_the_language() -> None:
    hostile = 'x"\\n}\\nservice \\"evil\\" { upstream \\"orders\\" }'
    text = service(CALL.replace("    }", f'        area "{hostile}"\n    }}'))
    _, findings = read(UPSTREAM, OWN, text)
    assert findings
    assert all(finding.is_error for finding in findings)
