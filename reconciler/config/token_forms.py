"""What credentials look like in a file: one line a form. Every expression takes time in proportion to the text.

`literals` are looked for first, since that costs next to nothing; only where one stands is the expression tried. A
quantifier without an upper bound begins behind a character that it cannot take itself, so that no part of a text is
looked at from many starts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.config.pem import PRIVATE_KEY

KEY_CODE = "E-TRE-006"
TOKEN_CODE = "E-TRE-008"  # noqa: S105 - a code of a finding


@dataclass(frozen=True, slots=True)
class Form:
    """`kind` is its name in an allowance, `about` completes "the file holds …"."""

    kind: str
    about: str
    literals: tuple[bytes, ...]
    expression: re.Pattern[bytes] = field(repr=False)
    code: str = TOKEN_CODE


def _form(kind: str, about: str, literals: str, expression: bytes, code: str = TOKEN_CODE) -> Form:
    return Form(kind, about, tuple(literals.encode().split()), re.compile(expression), code)


_BEHIND = rb"(?<![A-Za-z0-9])"
_WORD = rb"(?<![A-Za-z0-9_-])"

FORMS: tuple[Form, ...] = (
    Form("private-key", "a private key", (b"PRIVATE KEY",), PRIVATE_KEY, KEY_CODE),
    _form(
        "putty-key",
        "a private key of PuTTY",
        "PuTTY-User-Key-File-",
        rb"PuTTY-User-Key-File-[0-9]: [a-z]",
        KEY_CODE,
    ),
    _form(
        "age-key",
        "a private key of age",
        "AGE-SECRET-KEY-1",
        rb"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        KEY_CODE,
    ),
    _form(
        "aws-key-id",
        "an access key of AWS",
        "AKIA ASIA",
        _BEHIND + rb"A[KS]IA(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    _form(
        "aws-secret",
        "a secret access key of AWS",
        "aws_secret_access_key AWS_SECRET_ACCESS_KEY",
        rb"(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY)[\"']?\s{0,8}[=:]\s{0,8}[\"']?(?![A-Za-z0-9/+]{33}EXAMPLE)[A-Za-z0-9/+]{40}"
        rb"(?![A-Za-z0-9/+])",
    ),
    _form("azure-storage", "a storage key of Azure", "AccountKey=", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    _form(
        "github",
        "a token of GitHub",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        _BEHIND + rb"(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
    ),
    _form(
        "gitlab",
        "a token of GitLab",
        "gl",
        _BEHIND + rb"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20}",
    ),
    _form(
        "slack",
        "a token of Slack",
        "xox xapp-",
        _BEHIND + rb"(?:xox[abeoprs]-[0-9]|xapp-[0-9]-)[A-Za-z0-9-]{12}",
    ),
    _form(
        "slack-webhook",
        "the address of an incoming webhook of Slack",
        "hooks.slack.com/",
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Z0-9]{6,20}/[A-Za-z0-9]{6,20}/[A-Za-z0-9]{16}",
    ),
    _form(
        "teams-webhook",
        "the address of an incoming webhook of Microsoft Teams",
        ".webhook.office.com/",
        rb"\.webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}",
    ),
    _form(
        "stripe",
        "a key of Stripe",
        "sk_live_ sk_test_ rk_live_ rk_test_ whsec_",
        _BEHIND + rb"(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16}|whsec_[A-Za-z0-9+/]{24})",
    ),
    _form("google-api", "an API key of Google", "AIza", _BEHIND + rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    _form(
        "google-oauth",
        "a client secret of Google",
        "GOCSPX- ya29.",
        _BEHIND + rb"(?:GOCSPX-|ya29\.)[A-Za-z0-9_-]{24}",
    ),
    _form("npm", "a token of npm", "npm_", _BEHIND + rb"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _form("pypi", "a token of PyPI", "pypi-AgE", _BEHIND + rb"pypi-AgE[A-Za-z0-9_-]{60}"),
    _form("docker", "a token of Docker Hub", "dckr_", _BEHIND + rb"dckr_[op]at_[A-Za-z0-9_-]{20}"),
    _form("digitalocean", "a token of DigitalOcean", "_v1_", _BEHIND + rb"do[opr]_v1_[a-f0-9]{64}"),
    _form("hugging-face", "a token of Hugging Face", "hf_", _BEHIND + rb"hf_[A-Za-z]{34}(?![A-Za-z0-9])"),
    _form(
        "openai",
        "a key of OpenAI",
        "T3BlbkFJ",
        _WORD + rb"sk-[A-Za-z0-9_-]{16,128}?T3BlbkFJ[A-Za-z0-9_-]{16}",
    ),
    _form("anthropic", "a key of Anthropic", "sk-ant-", _BEHIND + rb"sk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{40}"),
    _form("sendgrid", "a key of SendGrid", "SG.", _BEHIND + rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _form("vault", "a token of Vault", "hvs. hvb.", _BEHIND + rb"hv[bs]\.[A-Za-z0-9_-]{60}"),
    _form(
        "jwt",
        "a signed token (JWT)",
        "eyJ",
        _WORD + rb"eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{16}",
    ),
    _form(
        "sentinel",
        "a join token or a node's key of this control plane",
        "sjt_ snk_",
        _BEHIND + rb"s(?:jt|nk)_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
    ),
)
"""All forms, those of keys first."""

WITHOUT_UNDERSCORE = tuple(form for form in FORMS if any(b"_" not in literal for literal in form.literals))
"""The forms that can stand in a text without an underscore."""

KINDS = tuple(form.kind for form in FORMS)

SEED = Form(
    "seed",
    "a private key of 64 hex digits",
    (),
    re.compile(rb"\s{0,8}[0-9a-fA-F]{64}\s{0,8}"),
    KEY_CODE,
)
"""The whole content of a file whose name says that it is a key."""

PEM = (".pem", ".crt")

SEED_FILES = (".key", ".sealing", ".secret", ".seed")
