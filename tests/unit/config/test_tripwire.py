"""Private keys and tokens in any file: found where they stand, never repeated, in bounded time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.findings import Finding
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import ALLOWANCES, SourceFile
from reconciler.config.token_forms import FORMS, KINDS
from reconciler.config.tripwire import IN_FILE, search
from reconciler.flows.confined import Confinement, run_confined
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM, brief

# Everything is put together here, so that nobody who looks for credentials finds one in this file.
HEX, UPPER, MIXED = "0a1b2c3d4e5f" * 12, "ABCDEFGH2345" * 12, "aB3dE5gH7jK9" * 12
SAMPLES: dict[str, list[str]] = {
    "private-key": [
        f"-----BEGIN {kind}PRIVATE " + f"KEY{block}-----{between}{body}"
        for kind, block, between, body in (
            ("", "", "\n", "MIIEvQIBADANBg"),
            ("RSA ", "", "\r\n", "Proc-Type: 4,ENCRYPTED"),
            ("EC ", "", "\n", "MHcCAQEE"),
            ("OPENSSH ", "", "\n", "b3BlbnNzaC1rZXk"),
            ("ENCRYPTED ", "", "\\n", "MIIFDjBABgkqhkiG"),
            ("PGP ", " BLOCK", "\n\n", "lQOYBF" + MIXED[:20]),
            ("PGP ", " BLOCK", "\n", "Version: GnuPG"),
        )
    ],
    "putty-key": ["PuTTY-User-Key-" + "File-3: ssh-ed25519"],
    "age-key": ["AGE-SECRET-" + "KEY-1" + UPPER[:58]],
    "aws-key-id": ["AKIA" + UPPER[:16], "ASIA" + UPPER[:16]],
    "aws-secret": [
        f"aws_secret_access_key = {MIXED[:40]}",
        f'AWS_SECRET_ACCESS_KEY="{MIXED[:40]}"',
        f'"aws_secret_access_key": "{MIXED[:40]}"',
    ],
    "azure-storage": [f"AccountKey={MIXED[:86]}=="],
    "github": [
        *(f"gh{letter}_{MIXED[:36]}" for letter in "pousr"),
        f"github_pat_{MIXED[:22]}_{MIXED[:59]}",
    ],
    "gitlab": [f"gl{word}-{MIXED[:20]}" for word in ("pat", "dt", "rt", "cbt", "ptt", "ft", "soat", "agent")],
    "slack": [f"xoxb-1{HEX[:12]}", f"xoxp-2{HEX[:12]}", f"xapp-1-{UPPER[:12]}"],
    "slack-webhook": [f"https://hooks.slack.com/services/T{UPPER[:8]}/B{UPPER[:8]}/{MIXED[:24]}"],
    "teams-webhook": [
        f"https://acme.webhook.office.com/webhookb2/{HEX[:36]}@{HEX[:36]}/IncomingWebhook/{HEX[:32]}/x"
    ],
    "stripe": [
        *(f"{a}_{b}_{MIXED[:24]}" for a in ("sk", "rk") for b in ("live", "test")),
        f"whsec_{MIXED[:32]}",
    ],
    "google-api": ["AIza" + MIXED[:35]],
    "google-oauth": [f"GOCSPX-{MIXED[:28]}", f"ya29.{MIXED[:40]}"],
    "npm": [f"npm_{MIXED[:36]}"],
    "pypi": [f"pypi-AgEIcHlwaS5vcmc{MIXED[:60]}"],
    "docker": [f"dckr_pat_{MIXED[:27]}"],
    "digitalocean": [f"dop_v1_{HEX[:64]}"],
    "hugging-face": ["hf_" + "aBcDeFgHiJ" * 3 + "kLmN"],
    "openai": [f"sk-{MIXED[:20]}T3BlbkFJ{MIXED[:20]}", f"sk-proj-{MIXED[:70]}T3BlbkFJ{MIXED[:70]}"],
    "anthropic": [f"sk-ant-api03-{MIXED[:90]}"],
    "sendgrid": [f"SG.{MIXED[:22]}.{MIXED[:43]}"],
    "vault": [f"hvs.{MIXED[:90]}"],
    "jwt": [f"eyJ{MIXED[:30]}.eyJ{MIXED[:30]}.{MIXED[:43]}"],
    "sentinel": [f"sjt_{MIXED[:43]}", f"snk_{MIXED[:43]}"],
}
CASES = [(kind, sample) for kind, samples in SAMPLES.items() for sample in samples]
IDS = [f"{kind}-{number}" for kind, samples in SAMPLES.items() for number in range(len(samples))]


def found(content: bytes, path: str = "notes/read.me", *others: SourceFile) -> tuple[Finding, ...]:
    return search([SourceFile(path, content), *others])


def test_every_form_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)


@pytest.mark.parametrize(("kind", "sample"), CASES, ids=IDS)
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("é é\nkey: ", "\n"), ('\ufeff{"a": "', '"}'), ("\0\xff\n\n\tx=", "\0"), ("a\r\n'", "'\r\n")],
)
def test_each_form_is_found_at_its_place_and_never_repeated(
    kind: str, sample: str, before: str, after: str
) -> None:
    (finding,) = found((before + sample + after).encode())
    form = next(form for form in FORMS if form.kind == kind)
    assert (finding.code, form.about in finding.message) == (form.code, True)
    assert finding.place is not None
    assert finding.place.path == "notes/read.me"
    assert finding.place.line == before.count("\n") + 1
    part = sample[4:20] if kind != "private-key" else sample[-8:]
    assert part not in str(finding) + repr(finding.to_json())
    assert f"allow {kind} because" in finding.hint


def test_the_column_counts_characters() -> None:
    token = SAMPLES["npm"][0]
    (finding,) = found(f"x\nké = {token}\n".encode())
    assert (finding.place.line, finding.place.column) == (2, 6) if finding.place else False


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE " + "KEY-----",  # What a library that reads keys holds.
        "-----BEGIN RSA PRIVATE " + "KEY-----\0-----END RSA PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBg",
        "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBg",
        "AKIA" + "IOSFODNN7" + "EXAMPLE",  # The example of AWS's own documents.
        "x" + "AKIA" + UPPER[:16],
        f"ghp_{MIXED[:20]}",
        f"laughp_{MIXED[:40]}",
        f"npm_{MIXED[:40]}",
        "eyJ0eXAi.eyJzdWIi.short",
        f"risk_live_{MIXED[:30]}",
        f"https://hooks.slack.example/services/T{UPPER[:8]}/B{UPPER[:8]}/{MIXED[:24]}",
        f'sealed "production" "v1.{HEX[:16]}.{MIXED[:107]}.{MIXED[:60]}"',
        HEX[:64],
    ],
)
def test_what_only_looks_like_it_is_let_through(text: str) -> None:
    assert found(text.encode()) == ()


@pytest.mark.parametrize("path", ["keys/bundle.key", "shop.sealing", "webhook.secret"])
def test_a_file_that_is_a_key_by_its_name_and_content(path: str) -> None:
    (finding,) = found(f"{HEX[:64]}\n".encode(), path)
    assert (finding.code, brief((finding,))) == ("E-TRE-006", [f"E-TRE-006 {path}:1:1"])
    assert found(f"{HEX[:64]} file\n".encode(), path) == ()


TOKEN = SAMPLES["github"][0]


@pytest.mark.parametrize(
    "text",
    [
        f"{TOKEN} // sentinelctl:allow github because it is made up\n",
        f"# sentinelctl:allow github because it is made up\nkey = {TOKEN}\r\n",
        f"x\n<!-- sentinelctl:allow github because everybody knows it -->\r\n{TOKEN}",
    ],
)
def test_a_false_alarm_is_allowed_beside_it_with_a_reason(text: str) -> None:
    assert found(text.encode()) == ()


@pytest.mark.parametrize(
    "text",
    [
        f"{TOKEN} // sentinelctl:allow jwt because it is made up\n",
        f"{TOKEN} // sentinelctl:allow github\n",
        f"{TOKEN} // sentinelctl:allow github because\n",
        f"// sentinelctl:allow github because it is made up\n\n{TOKEN}\n",
        f"{TOKEN}\n// sentinelctl:allow github because it is made up\n",
        f"// sentinelctl:allow github because it is made up\n{'x' * 5000} {TOKEN}\n",
    ],
)
def test_what_is_no_allowance_allows_nothing(text: str) -> None:
    assert len(found(text.encode())) == 1


def allowances(text: str) -> SourceFile:
    return SourceFile(ALLOWANCES, text.encode())


def test_a_file_that_takes_no_comments_is_allowed_elsewhere() -> None:
    line = 'allow "github" "a.wasm" because="its tests hold one"\n'
    content = f"\0asm\0{TOKEN}".encode()
    assert found(content, "a.wasm", allowances(line)) == ()
    assert len(found(content, "b.wasm", allowances(line), SourceFile("a.wasm", b""))) == 1
    assert len(found(content, "a.wasm", SourceFile(f"x/{ALLOWANCES}", line.encode()))) == 1


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('allow "github" "a.wasm"', "write it like that"),
        ('allow "github" "a.wasm" because="x"', "write it like that"),
        ('allow "github" because="it is made up"', "write it like that"),
        ('alow "github" "a.wasm" because="it is made up"', "write it like that"),
        ('allow "githb" "a.wasm" because="it is made up"', "did you mean 'github'?"),
        ('allow "github" "b.wasm" because="it is made up"', "did you mean 'a.wasm'?"),
    ],
)
def test_an_allowance_that_is_none_is_found(line: str, hint: str) -> None:
    findings = found(TOKEN.encode(), "a.wasm", allowances(line + "\n"))
    assert brief(findings) == [f"E-TRE-009 {ALLOWANCES}:1:1", "E-TRE-008 a.wasm:1:1"]
    assert findings[0].hint == hint


def test_a_key_in_a_file_of_certificates_is_never_allowed() -> None:
    key = "# sentinelctl:allow private-key because we are careless\n" + SAMPLES["private-key"][0]
    line = 'allow "private-key" "a.pem" because="we are careless"\n'
    assert brief(found(key.encode(), "a.pem", allowances(line))) == ["E-TRE-006 a.pem:2:1"]
    assert found(key.encode(), "a.txt") == ()


def test_a_tree_with_a_token_is_refused_and_no_other_message_repeats_it() -> None:
    token = SAMPLES["stripe"][0]
    broken = f'servce "{token}"\nservice "x" {{\n    priority "{token}"\n'
    files = [
        SourceFile("base.kdl", BASE.encode()),
        SourceFile("1.kdl", (SERVICE + UPSTREAM).encode()),
        SourceFile("2.kdl", broken.encode()),
        SourceFile("3.kdl", b'servce "y"\n'),
        SourceFile("docs/notes.txt", token.encode()),
    ]
    snapshot, findings = read_snapshot(files)
    assert snapshot is None
    assert brief(findings) == [
        "E-TRE-008 2.kdl:1:9",
        "E-TRE-008 2.kdl:3:15",
        "E-KND-001 3.kdl:1:1",
        "E-TRE-008 docs/notes.txt:1:1",
    ]
    assert token not in str(findings)


def test_of_many_in_one_file_the_first_are_told() -> None:
    assert len(found(f"{TOKEN}\n".encode() * 1000)) == IN_FILE


LITERALS = sorted({literal for form in FORMS for literal in form.literals})


@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from(LITERALS),
            st.binary(max_size=20),
            st.sampled_from([b"A" * 40, b"a" * 70, b".", b"-", b"_", b"\n", b"=", b"/", b'"']),
        ),
        max_size=40,
    )
)
def test_no_bytes_are_too_strange(parts: list[bytes]) -> None:
    content = b"".join(parts)
    for finding in found(content):
        assert finding.place is not None
        assert 1 <= finding.place.line <= content.count(b"\n") + 1


HOSTILE = [
    *(literal for literal in LITERALS),
    *(literal + b"A" * 15 for literal in LITERALS),
    b"eyJa-", b"eyJaaaaaaaaa.", b"-----BEGIN A ", b"-----BEGIN PRIVATE " + b"KEY-----\n",
    b"aws_secret_access_key        = ", b"sk-aaaaaaaaaaaaaaaaaaT3BlbkFJ ", b"sk-", b"hooks.slack.com/services/AAAAAA/",
    b"sentinelctl:allow x because y", b"SG." + b"a" * 22,
]  # fmt: skip


def test_the_worst_texts_are_searched_within_what_a_commit_may_use() -> None:
    # Searching any of them in quadratic time would take longer than the processor time that the child gets for all.
    files = [
        SourceFile(str(number), part * (200_000 // len(part)) + b"_") for number, part in enumerate(HOSTILE)
    ]
    assert run_confined(lambda: str(len(search(files))).encode(), Confinement(cpu_seconds=60)).isdigit()
