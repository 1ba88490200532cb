"""The schema of `control-plane.kdl`."""

from __future__ import annotations

from urllib.parse import urlsplit

from reconciler.config.characters import shown
from reconciler.config.known_hosts import check_known_host
from reconciler.config.people import PERSON
from reconciler.config.report import Problem
from reconciler.config.schema import Field, Slot, block, flag, reference, scalar, values
from reconciler.config.values import Choice, Pattern, Text

FORGES = ("github", "gitlab", "bitbucket", "bitbucket-data-center", "gitea", "forgejo", "generic")
"""The receivers, which are named in the URL of a webhook too. `generic` is anything that can make an HMAC."""

SLUG = Pattern(
    name="slug",
    pattern="[a-z][a-z0-9-]{0,38}",
    expected="a lower-case letter, then up to 38 letters, digits and hyphens",
    hint="write it like 'shop' or 'shop-eu'",
)


def _check_key_uri(uri: str) -> Problem | None:
    if uri.startswith("file:") and "/../" in f"/{uri[5:]}/":
        return Problem(
            "E-VAL-004",
            f"{shown(uri)} leads upwards",
            "a path without '..'",
            "write an absolute path instead",
        )
    return None


KEY_URI = Pattern(
    name="key URI",
    pattern="file:[A-Za-z0-9._/@+-]+|env:[A-Z_][A-Z0-9_]*",
    expected="file:<path>, relative to this file or absolute, or env:<VARIABLE>",
    hint="keys and secrets are named, never written here: file:keys/bundle.key or env:BUNDLE_KEY",
    check=_check_key_uri,
    unshown=True,
)


def _check_repository(url: str) -> Problem | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return Problem("E-VAL-004", f"{shown(url)} is not a URL", "a URL", "compare the host and the port")
    if parts.username is not None or parts.password is not None:
        allowed = parts.scheme == "ssh" and parts.password is None
        if not allowed:
            return Problem(
                "E-INS-004",
                "the repository's URL holds a user or a password",
                "a URL without credentials",
                'name them in the connection: credentials "env:…"',
            )
    return None


REPOSITORY = Pattern(
    name="repository URL",
    # Neither the user nor the host may begin with a hyphen: ssh would take it for an option.
    pattern=r"(?:https?|ssh|git)://(?:[A-Za-z0-9][^\s/@:\"'<>\\^`{|}#?]*(?::[^\s/@]*)?@)?"
    r"(?:[A-Za-z0-9]|\[[0-9a-fA-F:.]+\])[^\s@\"'<>\\^`{|}#?]*",
    expected="an http, https, ssh or git URL",
    hint="write it like https://github.com/acme/fleet.git",
    maximum=1000,
    check=_check_repository,
)
RECEIVER = Pattern(
    name="address of the webhook process",
    pattern=r"https?://(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*",
    expected="an http or https URL in lower case, without a user, a query or a slash at its end",
    hint="write it like https://hooks.example",
    maximum=500,
)
KNOWN_HOST = Pattern(
    name="line of known_hosts",
    pattern=r"(?:[A-Za-z0-9][A-Za-z0-9.:-]{0,252}|\[[A-Za-z0-9][A-Za-z0-9.:-]{0,252}\]:[0-9]{1,5}) "
    r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,2}",
    expected="a host, or [host]:port, a kind of key and the key, as `ssh-keyscan` prints them",
    hint="write it like 'git.example ssh-ed25519 AAAAC3Nz…', without a hash of the host",
    maximum=2000,
    check=check_known_host,
)
EMAIL = Pattern(
    name="e-mail address",
    # Lower case alone: two ways to write one person would be two roles.
    pattern=r"[a-z0-9._%+'-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)*",
    expected="an e-mail address in lower case",
    hint="write it as the person signs in: ada@example.com",
    maximum=160,
)
ACCOUNT = Pattern(
    name="account",
    pattern=r"[A-Za-z0-9{][A-Za-z0-9._:{}@+-]{0,99}",
    expected="the name of an account, or its id where the forge's API gives ids",
    hint="Bitbucket Cloud's API gives the account_id, the others give the name",
)
NUMBER = Pattern(
    name="number",
    pattern=r"[1-9][0-9]{0,18}",
    expected="the digits of an id, as text",
    hint='write it like "123456"; the page of the App has it',
)
ROLES = ("reader", "operator", "admin")
"""What a member may do, the least first; each may do what those before it may."""

FOLDER = Pattern(
    name="folder",
    pattern=r"(?!\.)[A-Za-z0-9._-]+(?:/(?!\.)[A-Za-z0-9._-]+)*",
    expected="a relative folder such as 'projects/shop', no part of which begins with a dot",
    hint="leave it out for the whole repository",
)
BRANCH_PREFIX = Pattern(
    name="branch prefix",
    pattern=r"(?:[A-Za-z0-9_-]+/)+",
    expected="one or more names, each followed by '/', such as 'shop/'",
    hint="leave it out when the repository has one project",
)
BRANCH = Pattern(
    name="branch",
    pattern=r"(?!env/)[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*(?:/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)*",
    expected="the name of a branch, without refs/heads/",
    hint="write it like 'main'",
)


def _keys(role: str, doc: str, *, required: bool = True) -> Field:
    return values(role, KEY_URI, doc, f'{role} "file:keys/{role}.key"', required=required)


def _member(doc: str, example: str, roles: tuple[str, ...]) -> Field:
    return Field(
        "member",
        doc,
        example,
        arguments=(
            Slot("email", EMAIL, "the address of the person's account"),
            Slot("role", Choice(roles), "what the person may do"),
        ),
        repeatable=True,
    )


def _slug(doc: str) -> tuple[Slot, ...]:
    return (Slot("slug", SLUG, doc),)


ORGANIZATION = Field(
    "organization",
    "Who owns projects and signing keys. Nothing is shared between two organizations.",
    'organization "acme" {\n    name "Acme"\n    keys { … }\n}',
    arguments=_slug("its slug: part of every URL, key and table"),
    repeatable=True,
    required=True,
    children=(
        scalar("name", Text(100), "What people call it; its slug when absent.", 'name "Acme"'),
        block(
            "keys",
            "The Ed25519 signing keys, by URI. With several of one role, those sign that the newest root names, so "
            "that one can be replaced without a gap.",
            (
                _keys("bundle", "Signs statements: which bundles exist."),
                _keys("pointer", "Signs pointers: what a cohort should run."),
                _keys("commit", "Signs the commits on environment branches."),
                scalar(
                    "audit",
                    KEY_URI,
                    "A secret that the rows of the audit log are sealed with. Without it they are numbered and entered "
                    "in the log, and not sealed.",
                    'audit "file:keys/audit.secret"',
                ),
                values(
                    "audit-retired",
                    KEY_URI,
                    "Secrets that older rows were sealed with.",
                    'audit-retired "file:keys/audit-2025.secret"',
                ),
                _keys(
                    "root",
                    "Signs roots: which keys hold. Absent where people keep them on other machines.",
                    required=False,
                ),
            ),
            example='keys {\n    bundle "file:keys/bundle.key"\n    …\n}',
            required=True,
        ),
        _member(
            "A person and the role that the person has in all projects of the organization. The account itself is made "
            "with `sentinelctl person create`.",
            'member "ada@example.com" "operator"',
            ROLES,
        ),
        Field(
            "connection",
            "A forge that sends webhooks and holds repositories.",
            'connection "origin" {\n    forge "github"\n    secret "file:keys/webhook.secret"\n}',
            arguments=_slug("its slug: part of the webhook's URL; unique in the installation"),
            repeatable=True,
            children=(
                scalar("forge", Choice(FORGES), "Whose webhooks it sends.", 'forge "github"', required=True),
                values(
                    "secret",
                    KEY_URI,
                    "The webhook secret. With several, any is accepted, so that one can be replaced without a gap. "
                    "Without one every delivery is refused, and pushes are found by the sweep alone.",
                    'secret "file:keys/webhook.secret"',
                ),
                scalar(
                    "receiver",
                    RECEIVER,
                    "Where the forge reaches the webhook process of this installation. With it `sentinelctl connect` "
                    "needs no `--url`, and the forge is asked to deliver again what failed of the webhook with just "
                    "this address.",
                    'receiver "https://hooks.example"',
                ),
                scalar(
                    "api",
                    REPOSITORY,
                    "Where the forge's API is; known for github.com, gitlab.com and bitbucket.org. With it and "
                    "credentials, pull requests are told what they would do.",
                    'api "https://git.example/api/v1"',
                ),
                scalar(
                    "instance",
                    SLUG,
                    "What this installation is called in statuses and comments, so that two of them do not overwrite "
                    "each other's; the connection's slug when absent.",
                    'instance "eu"',
                ),
                Field(
                    "reviewer",
                    "Whose an account of the forge is. Its reviews count as that person's approvals where an "
                    "environment lets reviews count.",
                    'reviewer "bob-at-work" "bob@example.com"',
                    arguments=(
                        Slot("account", ACCOUNT, "what the forge's API calls the account"),
                        Slot("person", PERSON, "the address in the person's commits"),
                    ),
                    repeatable=True,
                ),
                Field(
                    "app",
                    "The GitHub App as which the forge is spoken to, instead of `credentials`. Its tokens last an "
                    "hour and are kept in memory alone.",
                    'app "123456" installation="7890123" key="file:keys/app.pem"',
                    arguments=(Slot("id", NUMBER, "its App ID"),),
                    properties=(
                        Slot(
                            "installation",
                            NUMBER,
                            "the id of its installation in the account of the repositories",
                        ),
                        Slot("key", KEY_URI, "where its private key is, in PEM"),
                    ),
                ),
                scalar(
                    "credentials",
                    KEY_URI,
                    'Where "user:token" for reading and pushing stands; anonymous access when absent. Repositories '
                    "that are reached over ssh are read and pushed with `ssh`; then it is for the API alone.",
                    'credentials "env:FLEET_REPOSITORY_TOKEN"',
                ),
                block(
                    "ssh",
                    "How repositories whose URL begins with ssh:// are read and pushed.",
                    (
                        scalar(
                            "key",
                            KEY_URI,
                            "Where the private key is: Ed25519 or ECDSA, in OpenSSH's or PEM form, without a "
                            "passphrase.",
                            'key "file:keys/fleet.ssh"',
                            required=True,
                        ),
                        values(
                            "known-hosts",
                            KNOWN_HOST,
                            "The keys of the hosts that are trusted, and no others. With several for one host, any is "
                            "accepted, so that one can be replaced without a gap.",
                            'known-hosts "git.example ssh-ed25519 AAAAC3Nz…"',
                            required=True,
                        ),
                    ),
                    example='ssh {\n    key "file:keys/fleet.ssh"\n'
                    '    known-hosts "git.example ssh-ed25519 AAAAC3Nz…"\n}',
                ),
            ),
        ),
        Field(
            "project",
            "One folder of one repository, usually all of it, and the fleet that runs it.",
            'project "shop" {\n    repository "https://github.com/acme/fleet.git"\n    connection "origin"\n}',
            arguments=_slug("its slug, unique in the installation"),
            repeatable=True,
            children=(
                scalar("name", Text(100), "What people call it; its slug when absent.", 'name "Shop"'),
                scalar(
                    "repository",
                    REPOSITORY,
                    "Where the repository is, without credentials.",
                    'repository "https://github.com/acme/fleet.git"',
                    required=True,
                ),
                scalar(
                    "path", FOLDER, "The project's folder; the whole repository when absent.", 'path "shop"'
                ),
                scalar(
                    "trunk",
                    BRANCH,
                    "The branch that holds what people intend.",
                    'trunk "main"',
                    default="main",
                ),
                scalar(
                    "branch-prefix",
                    BRANCH_PREFIX,
                    "Stands before env/<name>, for projects that share a repository.",
                    'branch-prefix "shop/"',
                ),
                reference(
                    "connection", "connection", "The forge the repository is on.", 'connection "origin"'
                ),
                _member(
                    "Narrows a member of the organization to a lesser role in this project, or makes somebody a member "
                    "of this project alone.",
                    'member "bob@example.com" "reader"',
                    ("none", *ROLES),
                ),
                flag(
                    "tags",
                    "Whether a pushed tag, too, has trunk looked at.",
                    "tags #true",
                    default=False,
                ),
                flag(
                    "signed-trunk",
                    "Whether every commit of trunk has to be signed by a key of .sentinel/allowed-signers.",
                    "signed-trunk #true",
                    default=False,
                ),
                scalar(
                    "node-credentials",
                    Choice(("key-or-token", "token")),
                    "What nodes may show: their key, or a token that they got for it; or a token alone.",
                    'node-credentials "token"',
                    default="key-or-token",
                ),
                Field(
                    "sealing-key",
                    "Where an environment's X25519 private key is, which opens what is sealed for that environment. "
                    "While it is replaced, a line for the old key and one for the new.",
                    'sealing-key "production" "file:keys/shop-production.sealing"',
                    arguments=(
                        Slot("environment", SLUG, "the environment"),
                        Slot("key", KEY_URI, "where its private key is"),
                    ),
                    repeatable=True,
                    unique=2,
                ),
            ),
        ),
    ),
)
