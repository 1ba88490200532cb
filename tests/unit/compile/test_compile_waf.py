"""WAF policies: the catalogue, the rule file of an agent, and what is objected to."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.compile.compiler import compile_snapshot
from reconciler.compile.waf.page import render_waf_rules
from reconciler.compile.waf.policy import rule_file
from reconciler.config.kinds import KINDS
from reconciler.config.kinds.waf_policy import SENSITIVITY
from reconciler.config.schema import complete
from reconciler.config.waf_catalogue import FAMILIES, RULES, category_of
from tests.unit.compile.seclang_reader import Directive, read
from tests.unit.config import trees
from tests.unit.config.trees import SERVICE, UPSTREAM

POLICY = """\
waf-policy "public" {
    mode "block"
    sensitivity "high"
    without "java" "php"
    rule 942100 action="disable" note="Wrong \\"often\\""
    rule 933100 action="enable" note="There is one PHP page"
    exclusion "search" {
        rules 942151 941100
        host "*.shop.example.com"
        path "/a.b/(c)"
        parameter "q"
        note "Books"
    }
    exclusion "editor" {
        rules 941160
        path-prefix "/edit/"
        note "HTML"
    }
    methods "GET" "POST"
    content-types "application/json" "text/plain"
    limits {
        body "10MiB"
        header "8KiB"
        headers 60
        uri "4KiB"
    }
}
"""
GOLDEN = """\
# "WAF policy public. Made by the Sentinel control plane; changes here are lost."
# "The rules are those of the OWASP CRS 4 on this node, licensed under Apache-2.0."
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecAction "id:10001,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4290,setvar:tx.blocking_paranoia_level=2,\
setvar:tx.detection_paranoia_level=2,setvar:tx.inbound_anomaly_score_threshold=5,setvar:'tx.allowed_methods=GET POST',\
setvar:'tx.allowed_request_content_type=|application/json| |text/plain|'"
SecRule REQUEST_HEADERS:Content-Length "@gt 10485760" "id:10101,phase:1,deny,status:413,log,t:none,\
msg:'The body is longer than the policy allows'"
SecRule REQUEST_HEADERS "@gt 8192" "id:10102,phase:1,deny,status:431,log,t:none,t:length,\
msg:'A header is longer than the policy allows'"
SecRule &REQUEST_HEADERS "@gt 60" "id:10103,phase:1,deny,status:431,log,t:none,\
msg:'There are more headers than the policy allows'"
SecRule REQUEST_URI "@gt 4096" "id:10104,phase:1,deny,status:414,log,t:none,t:length,\
msg:'The URI is longer than the policy allows'"
# "Exclusion editor: HTML"
SecAction "id:11001,phase:1,pass,t:none,nolog,setvar:tx.sentinel_exclusion_1=0"
SecRule REQUEST_FILENAME "@rx ^/edit(?:/|$)" "id:11002,phase:1,pass,t:none,t:urlDecodeUni,t:normalizePath,nolog,\
setvar:tx.sentinel_exclusion_1=+1"
SecRule TX:sentinel_exclusion_1 "@eq 1" "id:11010,phase:1,pass,t:none,nolog,ctl:ruleRemoveById=941160"
# "Exclusion search: Books"
SecAction "id:11011,phase:1,pass,t:none,nolog,setvar:tx.sentinel_exclusion_2=0"
SecRule REQUEST_HEADERS:Host "@rx [.]shop[.]example[.]com(?::[0-9]+)?$" "id:11012,phase:1,pass,t:none,t:lowercase,\
nolog,setvar:tx.sentinel_exclusion_2=+1"
SecRule REQUEST_FILENAME "@rx ^/a[.]b/[(]c[)]$" "id:11013,phase:1,pass,t:none,t:urlDecodeUni,t:normalizePath,nolog,\
setvar:tx.sentinel_exclusion_2=+1"
SecRule TX:sentinel_exclusion_2 "@eq 2" "id:11020,phase:1,pass,t:none,nolog,ctl:ruleRemoveTargetById=941100;ARGS:q,\
ctl:ruleRemoveTargetById=942151;ARGS:q"
Include /etc/modsecurity/crs/rules/*.conf
# "Category php is off."
SecRuleRemoveById 933000-933099
SecRuleRemoveById 933101-933999
# "Category java is off."
SecRuleRemoveById 944000-944999
# "933100 (PHP Injection Attack: PHP Open Tag Found) is on: There is one PHP page"
# "942100 (SQL Injection Attack Detected via libinjection) is off: Wrong \\"often\\""
SecRuleRemoveById 942100
"""


def data_of(text: str) -> dict[str, Any]:
    """The effective data of the only WAF policy of a text."""
    snapshot = trees.sound(SERVICE, UPSTREAM, text)
    (resource,) = [one for (kind, _), one in snapshot.resources.items() if kind == "waf-policy"]
    return dict(resource.effective("dev"))


def conf(**data: Any) -> list[Directive]:
    """The directives of a policy with these fields and defaults for the rest."""
    return read(rule_file("public", complete(KINDS["waf-policy"].field, data)).decode())


def removed(directives: list[Directive]) -> list[str]:
    return [one.arguments[0] for one in directives if one.name == "SecRuleRemoveById"]


def test_everything_that_a_policy_can_say() -> None:
    made = rule_file("public", data_of(POLICY)).decode()
    assert made == GOLDEN
    assert len(read(made)) == 22


def test_the_catalogue_has_sixty_rules_of_the_core_rule_set() -> None:
    assert len(RULES) == 60
    assert list(RULES) == sorted(RULES)
    for rule in RULES.values():
        assert category_of(rule.id) == rule.category
        assert rule.severity in ("critical", "error", "warning", "notice")
        assert rule.paranoia == 1
        assert rule.title
        assert rule.meaning.endswith(".")
    assert RULES[944150].title == "Potential Remote Command Execution: Log4j / Log4shell"
    assert {rule.id for rule in RULES.values() if rule.severity == "warning"} == {920100, 920180, 920181}
    assert {rule.category for rule in RULES.values()} == set(FAMILIES)


def test_the_page_shows_every_rule_and_the_notice() -> None:
    (page,) = render_waf_rules().values()
    assert [int(number) for number in re.findall(r"^\| (\d{6}) \|", page, re.MULTILINE)] == list(RULES)
    assert "Apache-2.0" in page
    assert "Trustwave" in page


@pytest.mark.parametrize("name", SENSITIVITY)
def test_sensitivity_stands_for_paranoia_and_threshold(name: str) -> None:
    paranoia, threshold = SENSITIVITY[name]
    (settings,) = [one for one in conf(sensitivity=name) if "id:10001" in one.actions]
    assert f"setvar:tx.blocking_paranoia_level={paranoia}" in settings.actions
    assert f"setvar:tx.inbound_anomaly_score_threshold={threshold}" in settings.actions


def test_paranoia_and_threshold_win_over_sensitivity() -> None:
    (settings,) = [one for one in conf(paranoia=3, **{"anomaly-threshold": 7}) if "id:10001" in one.actions]
    assert "setvar:tx.detection_paranoia_level=3" in settings.actions
    assert "setvar:tx.inbound_anomaly_score_threshold=7" in settings.actions


def test_detection_blocks_nothing() -> None:
    assert conf(mode="detect")[0] == Directive("SecRuleEngine", ("DetectionOnly",))


def test_bodies_are_left_alone_on_request() -> None:
    assert Directive("SecRequestBodyAccess", ("Off",)) in conf(**{"inspect-body": False})


def test_only_the_named_categories_are_on() -> None:
    ranges = removed(conf(categories=["sqli"]))
    assert "942000-942999" not in ranges
    assert len(ranges) == sum(map(len, FAMILIES.values())) - 1
    assert removed(conf()) == []


def test_a_rule_at_the_edge_of_an_enabled_range_is_kept() -> None:
    rules = [{"id": number, "action": "enable", "note": "x"} for number in (942000, 942001, 942999)]
    assert removed(conf(without=["sqli"], rule=rules)) == ["942002-942998"]


def test_a_parameter_is_left_out_for_every_request_when_nothing_else_is_said() -> None:
    directives = conf(exclusion=[{"name": "a", "rules": [942100], "parameter": "q[0].x", "note": "n"}])
    last = [one for one in directives if one.name == "SecRule"][-1]
    assert last.arguments[:2] == ("TX:sentinel_exclusion_1", "@eq 0")
    assert last.actions[-1] == "ctl:ruleRemoveTargetById=942100;ARGS:q[0].x"


def test_what_leaves_rules_out_stands_on_the_right_side_of_the_rules() -> None:
    names = [one.name for one in read(GOLDEN)]
    include = names.index("Include")
    assert "SecRuleRemoveById" not in names[:include]
    assert set(names[include + 1 :]) == {"SecRuleRemoveById"}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('mode "block"', 'mode "blok"', ["E-VAL-002 3.kdl:2:10"]),
        ("rule 942100", "rule 955100", ["E-VAL-003 3.kdl:5:10"]),
        ('action="disable"', 'action="log"', ["E-VAL-002 3.kdl:5:24"]),
        (' note="Wrong \\"often\\""', "", ["E-KND-005 3.kdl:5:5"]),
        ('        note "Books"\n', "", ["E-KND-003 3.kdl:7:5"]),
        ('        path-prefix "/edit/"\n', "", ["E-VAL-009 3.kdl:14:15"]),
        ('        path "/a.b/(c)"\n', '        path "/a"\n        path-prefix "/a"\n', ["E-VAL-009 3.kdl:7:15"]),
        ('parameter "q"', "parameter \"q;ARGS:x,ctl:ruleEngine=Off\"", ["E-VAL-004 3.kdl:11:19"]),
        ('content-types "application/json"', 'content-types "a/b| |c"', ["E-VAL-004 3.kdl:20:19"]),
        ('sensitivity "high"', 'categories "sqli"', ["E-VAL-009 3.kdl:4:5"]),
        ('sensitivity "high"', 'crs-folder "/opt/../etc"', ["E-VAL-004 3.kdl:3:16"]),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_token(before: str, after: str, found: list[str]) -> None:
    assert POLICY.count(before) == 1
    snapshot, findings = trees.read(SERVICE, UPSTREAM, POLICY.replace(before, after))
    assert trees.brief(findings) == found
    assert snapshot is None
    assert all(finding.hint and finding.expected for finding in findings)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("rule 942100", "rule 912100", ["E-CMP-020 3.kdl:5:10"]),
        ("rule 942100", "rule 942101", ["W-CMP-020 3.kdl:5:10"]),
        ("rules 941160", "rules 935160", ["E-CMP-020 3.kdl:15:15"]),
        ("rule 942100", "rule 944100", ["W-CMP-021 3.kdl:5:10"]),
        ("rule 933100", "rule 942160", ["W-CMP-021 3.kdl:6:10"]),
    ],
)
def test_rules_are_looked_up(before: str, after: str, found: list[str]) -> None:
    assert POLICY.count(before) == 1
    _, findings = compile_snapshot(trees.sound(SERVICE, UPSTREAM, POLICY.replace(before, after)))
    assert trees.brief(findings) == found
    assert "(in dev, production)" in findings[0].message
    assert findings[0].hint
