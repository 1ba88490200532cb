"""Auth policies, and how policies reach the routes of services."""

from __future__ import annotations

import json

import pytest

from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.bundle.manifest import check_files
from reconciler.compile.compiler import Compilation, compile_snapshot
from reconciler.compile.native.checking import check_native
from reconciler.config.findings import Finding
from reconciler.config.kdl import KdlNode, parse_kdl
from reconciler.config.kinds import KINDS
from tests.unit.config import trees
from tests.unit.config.trees import UPSTREAM, secret

SECRETS = "".join(secret(name) for name in ("key", "one", "two", "login"))
METHODS = """\
    jwt {
        secret "${secret:key}"
        algorithm "HS512"
        issuer "https://id.example"
        audience "shop"
    }
    oidc {
        issuer "https://id.example"
        jwks-url "https://id.example/jwks.json"
        audience "shop"
        scopes "orders:write" "orders:read"
        user-claim "email"
        refresh "30m"
        clock-skew "10s"
    }
    api-key {
        header "X-Key"
        secrets "${secret:two}" "${secret:one}"
    }
    basic {
        secrets "${secret:login}"
    }
"""
POLICY = f'auth-policy "customers" {{\n    require "any"\n{METHODS}    user-header "X-Who"\n}}\n'
WAF = 'waf-policy "public" {\n    limits {\n        headers 50\n    }\n}\n'
SERVICE = """\
service "orders" {
    path-prefix "/orders"
    upstream "orders"
    auth "customers"
    waf "public"
}
"""


def compiled(*texts: str) -> tuple[Compilation, tuple[Finding, ...]]:
    compilation, findings = compile_snapshot(trees.sound(SECRETS, UPSTREAM, *texts))
    assert compilation is not None, findings
    return compilation, findings


def node(config: bytes, *path: str) -> KdlNode:
    """The node at a path of names; `name=id` picks one by its first argument."""
    nodes, _ = parse_kdl(config, "sentinel.kdl")
    found = KdlNode("document", children=nodes or ())
    for part in path:
        name, _, wanted = part.partition("=")
        found = next(
            child
            for child in found.children
            if child.name == name and (not wanted or child.arguments[0] == wanted)
        )
    return found


def test_every_method_of_one_agent() -> None:
    compilation, findings = compiled(SERVICE, WAF, POLICY)
    assert findings == ()
    files = compilation.environments[0].files
    assert sorted(files) == ["agents/dev/auth/customers.json", "agents/dev/waf/public.conf"]
    assert json.loads(files["agents/dev/auth/customers.json"]) == {
        "fail-open": False,
        "user-id-header": "X-Who",
        "auth-method-header": "X-Auth-Method",
        "jwt-secret": "${secret:key}",
        "jwt-algorithm": "HS512",
        "jwt-issuer": "https://id.example",
        "jwt-audience": "shop",
        "oidc": {
            "enabled": True,
            "issuer": "https://id.example",
            "jwks-url": "https://id.example/jwks.json",
            "audience": "shop",
            "required-scopes": ["orders:read", "orders:write"],
            "user-id-claim": "email",
            "scope-claim": "scope",
            "jwks-refresh-secs": 1800,
            "clock-skew-secs": 10,
        },
        "api-key-header": "X-Key",
        "api-keys": ["${secret:one}", "${secret:two}"],
        "basic-auth-users": ["${secret:login}"],
    }


def test_the_proxy_accepts_what_connects_it_with_the_agents() -> None:
    compilation, _ = compiled(SERVICE, WAF, POLICY)
    for environment in compilation.environments:
        # The marker filter is unused on purpose.
        assert [str(f) for f in check_native(environment.config) if "sentinel-config-" not in f.message] == []
    config = compilation.environments[0].config
    assert node(config, "routes", "route=orders", "filters").arguments == (
        "sentinel-waf-public",
        "sentinel-auth-customers",
    )
    waf = node(config, "agents", "agent=sentinel-waf-public")
    assert waf.properties == {"type": "waf"}
    assert [(child.name, child.arguments) for child in waf.children] == [
        ("unix-socket", ("/run/zentinel/sentinel-waf-public.sock",)),
        ("events", ("request_headers", "request_body")),
        ("timeout-ms", (1000,)),
        ("failure-mode", ("closed",)),
        ("max-request-body-bytes", (1_048_576,)),
    ]
    auth = node(config, "agents", "agent=sentinel-auth-customers")
    assert auth.properties == {"type": "auth"}
    assert node(config, "agents", "agent=sentinel-auth-customers", "failure-mode").arguments == ("closed",)
    assert node(config, "agents", "agent=sentinel-auth-customers", "events").arguments == ("request_headers",)
    for name in ("sentinel-waf-public", "sentinel-auth-customers"):
        assert node(config, "filters", f"filter={name}", "agent").arguments == (name,)
        assert node(config, "filters", f"filter={name}", "failure-mode").arguments == ("closed",)
    assert node(config, "waf", "mode").arguments == ("off",)
    assert node(config, "waf", "body-inspection", "inspect-request-body").arguments == (True,)
    assert node(config, "waf", "body-inspection", "max-inspection-bytes").arguments == (1_048_576,)


def test_all_methods_are_agents_behind_one_another() -> None:
    policy = (
        'auth-policy "customers" {\n    require "all"\n    api-key {\n        secrets "${secret:one}"\n    }\n'
        '    basic {\n        secrets "${secret:login}"\n    }\n}\n'
    )
    compilation, _ = compiled(SERVICE, WAF, policy)
    environment = compilation.environments[1]
    assert node(environment.config, "routes", "route=orders", "filters").arguments == (
        "sentinel-waf-public",
        "sentinel-auth-customers.api-key",
        "sentinel-auth-customers.basic",
    )
    api_key = json.loads(environment.files["agents/production/auth/customers.api-key.json"])
    assert api_key["api-keys"] == ["${secret:one}"]
    assert "basic-auth-users" not in api_key
    assert json.loads(environment.files["agents/production/auth/customers.basic.json"])[
        "basic-auth-users"
    ] == ["${secret:login}"]


def test_a_policy_that_no_service_names_and_one_that_is_off_need_nothing() -> None:
    compilation, _ = compiled(SERVICE.replace('    auth "customers"\n', ""), WAF, POLICY)
    assert b"sentinel-auth" not in compilation.environments[0].config
    assert sorted(compilation.environments[0].files) == ["agents/dev/waf/public.conf"]
    off = WAF.replace("{\n", '{\n    mode "off"\n', 1)
    compilation, _ = compiled(SERVICE.replace('    auth "customers"\n', ""), off, POLICY)
    assert b"sentinel-waf" not in compilation.environments[0].config
    assert b"waf {" not in compilation.environments[0].config
    assert compilation.environments[0].files == {}


def test_bodies_are_given_to_agents_only_when_one_wants_them() -> None:
    blind = WAF.replace("{\n", "{\n    inspect-body #false\n", 1)
    compilation, _ = compiled(SERVICE, blind, POLICY)
    config = compilation.environments[0].config
    assert b"body-inspection" not in config
    assert node(config, "agents", "agent=sentinel-waf-public", "events").arguments == ("request_headers",)


def test_the_most_that_any_policy_wants_is_inspected() -> None:
    more = WAF.replace('"public"', '"more"').replace("{\n", '{\n    inspect-body-size "4MiB"\n', 1)
    second = (
        SERVICE.replace('"orders" {', '"more" {').replace("/orders", "/more").replace('"public"', '"more"')
    )
    compilation, _ = compiled(SERVICE, second, WAF, more, POLICY)
    config = compilation.environments[0].config
    assert node(config, "waf", "body-inspection", "max-inspection-bytes").arguments == (4 * 1024 * 1024,)


def test_a_policy_may_differ_in_an_environment() -> None:
    different = (
        WAF.removesuffix("}\n")
        + '    for "dev" {\n        mode "detect"\n        failure-mode "open"\n    }\n}\n'
    )
    compilation, _ = compiled(SERVICE, different, POLICY)
    dev, production = compilation.environments
    assert b"DetectionOnly" in dev.files["agents/dev/waf/public.conf"]
    assert b"SecRuleEngine On" in production.files["agents/production/waf/public.conf"]
    assert node(dev.config, "filters", "filter=sentinel-waf-public", "failure-mode").arguments == ("open",)
    assert node(production.config, "filters", "filter=sentinel-waf-public", "failure-mode").arguments == (
        "closed",
    )


def test_another_agent_needs_a_restart_and_another_rule_does_not() -> None:
    before, _ = compiled(SERVICE, WAF, POLICY)
    rule, _ = compiled(SERVICE, WAF.replace("headers 50", "headers 60"), POLICY)
    agent, _ = compiled(SERVICE, WAF.replace("{\n", '{\n    timeout "2s"\n', 1), POLICY)
    assert rule.environments[0].restart_key == before.environments[0].restart_key
    assert rule.environments[0].files != before.environments[0].files
    assert agent.environments[0].restart_key != before.environments[0].restart_key


def test_a_bundle_carries_the_files() -> None:
    compilation, _ = compiled(SERVICE, WAF, POLICY)
    files = archive.unpack(build_bundle(compilation).blob)
    assert (
        files["agents/production/waf/public.conf"]
        == compilation.environments[1].files["agents/production/waf/public.conf"]
    )
    assert "agents/dev/auth/customers.json" in check_files(files).files
    names = {component["name"] for component in json.loads(files["sbom.cdx.json"])["components"]}
    assert {"agents/dev/auth/customers.json", "owasp-crs"} <= names


@pytest.mark.parametrize("method", ["introspection", "mtls"])
def test_what_cannot_be_had_is_an_error_that_says_what_to_do(method: str) -> None:
    example = next(field for field in KINDS["auth-policy"].field.children if field.name == method).example
    policy = (
        'auth-policy "customers" {\n    '
        + example.replace("introspection}", "key}").replace("\n", "\n    ")
        + "\n}\n"
    )
    compilation, findings = compile_snapshot(trees.sound(SECRETS, UPSTREAM, SERVICE, WAF, policy))
    assert compilation is None
    assert trees.brief(findings) == ["E-CMP-006 5.kdl:2:5"]
    assert "oidc" in findings[0].hint


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('require "any"', 'require "all"', ["E-VAL-009 4.kdl:2:13"]),
        ("HS512", "RS256", ["E-VAL-002 4.kdl:5:19"]),
        ('"${secret:key}"', '"hunter2"', ["E-VAL-020 4.kdl:4:16"]),
        ('"${secret:two}"', '"${secret:tow}"', ["E-REF-001 4.kdl:20:17"]),
        ('jwks-url "https:', 'jwks-url "http:', ["E-VAL-004 4.kdl:11:18"]),
        ('user-header "X-Who"', 'user-header "Host"', ["E-VAL-004 4.kdl:25:17"]),
        ('user-header "X-Who"', 'user-header "x-auth-method"', ["E-VAL-009 4.kdl:1:13"]),
        (METHODS, "", ["E-KND-003 4.kdl:1:13"]),
        ('"orders:read"', '"orders read"', ["E-VAL-004 4.kdl:13:31"]),
        ('auth-policy "customers"', 'auth-policy "customer"', ["E-REF-001 3.kdl:4:10"]),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_token(before: str, after: str, found: list[str]) -> None:
    assert POLICY.count(before) == 1
    snapshot, findings = trees.read(SECRETS, UPSTREAM, SERVICE, POLICY.replace(before, after), WAF)
    assert trees.brief(findings) == found
    assert snapshot is None
    assert all(finding.hint and finding.expected for finding in findings)
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize(
    "answer",
    [
        'static {\n        root "/srv/www"\n    }',
        'redirect {\n        path "/b"\n    }',
        'upstream "orders"\n    middleware "away"',
    ],
)
def test_a_policy_on_what_the_proxy_answers_before_it_asks_is_an_error(answer: str) -> None:
    service = SERVICE.replace('upstream "orders"', answer)
    away = 'middleware "away" {\n    redirect {\n        path "/b"\n    }\n}\n'
    _, findings = compile_snapshot(trees.sound(SECRETS, UPSTREAM, service, WAF, POLICY, away))
    told = [finding for finding in findings if finding.code == "E-CMP-006"]
    line = service[: service.index("auth ")].count("\n") + 1
    assert [str(finding.place) for finding in told] == [f"3.kdl:{line}:10", f"3.kdl:{line + 1}:9"]


def test_answers_that_are_kept_for_everybody_are_warned_of() -> None:
    kept = SERVICE.replace('upstream "orders"', 'upstream "orders"\n    cache {\n        ttl "1m"\n    }')
    _, findings = compiled(kept, WAF, POLICY)
    assert "W-CMP-022" in {finding.code for finding in findings}
