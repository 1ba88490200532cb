"""The server configuration `control-plane.kdl`: organizations, their keys, forge connections and projects.

It is read by the same machinery as a project's resources, from a schema of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.egress import EGRESS, NO_EGRESS, EgressRules, rules_of
from reconciler.config.findings import Finding, has_errors
from reconciler.config.installation_schema import ORGANIZATION, ROLES
from reconciler.config.kdl import KdlNode, ParsedFile, parse_file
from reconciler.config.known_hosts import host_of, names
from reconciler.config.reading import Reader
from reconciler.config.report import Mark, Problem, Report
from reconciler.config.schema import Field
from reconciler.config.suggest import did_you_mean

INSTALLATION = Field(
    "control-plane.kdl", "The server configuration.", children=(ORGANIZATION, EGRESS), required=True
)


@dataclass(frozen=True, slots=True)
class KeyUris:
    """Where an organization's signing keys are, as URIs (`file:…` or `env:…`).

    With several for one role, those sign that the newest root names. Root keys may all be elsewhere: then `root` is
    empty. Rows of the audit log are sealed with the secret at `audit`, older ones with those of `audit_retired`.
    """

    bundle: tuple[str, ...]
    pointer: tuple[str, ...]
    commit: tuple[str, ...]
    root: tuple[str, ...] = ()
    audit: str | None = None
    audit_retired: tuple[str, ...] = ()

    def of(self, role: str) -> tuple[str, ...]:
        """The URIs of a role of the root."""
        found: tuple[str, ...] = getattr(self, role)
        return found


@dataclass(frozen=True, slots=True)
class Member:
    """A person's role: `reader`, `operator` or `admin`; in a project also `none`."""

    email: str
    role: str


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. `key` is the URI of its private key."""

    id: str
    installation: str
    key: str


@dataclass(frozen=True, slots=True)
class Ssh:
    """How repositories are reached over ssh. `key` is the URI of a private key, `known_hosts` are lines as in OpenSSH's
    file of that name."""

    key: str
    known_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """A forge. `secrets` are URIs of webhook secrets, any of which is accepted; `credentials` is the URI of a
    "user:token", or None for anonymous access. `api` is where its API is, empty where that follows from the repository,
    `receiver` where the forge reaches us, empty when not stated, and `instance` what this installation calls itself
    there. `reviewers` are pairs of an account and whose it is. `ssh` is for repositories that are reached that way."""

    slug: str
    organization: str
    forge: str
    secrets: tuple[str, ...]
    credentials: str | None
    api: str = ""
    instance: str = ""
    reviewers: tuple[tuple[str, str], ...] = ()
    app: App | None = None
    ssh: Ssh | None = None
    receiver: str = ""

    def webhook(self, base: str) -> str:
        """The URL that the forge delivers to, when it reaches us at `base`."""
        return f"{base.rstrip('/')}/webhooks/{self.forge}/{self.slug}"

    @property
    def speaks(self) -> bool:
        """Whether there is anything that the forge can be spoken to with."""
        return self.credentials is not None or self.app is not None

    def person_of(self, account: str) -> str:
        """Whose account of the forge this is; empty for nobody's."""
        return next((person for name, person in self.reviewers if name == account), "")


@dataclass(frozen=True, slots=True)
class Project:
    """A project: one folder of one repository. `path` is that folder ("" for the whole repository), `branch_prefix`
    stands before `env/<name>` ("" or ending in "/"), `connection` is a slug or None. `sealing_keys` are pairs of an
    environment and the URI of one of its private keys. `members` narrows those of the organization. `tags`: whether a
    pushed tag has trunk looked at. `node_credentials` is "key-or-token" or "token". `signed_trunk`: whether every
    commit of trunk has to be signed by somebody known."""

    slug: str
    organization: str
    name: str
    repository: str
    path: str
    branch_prefix: str
    trunk: str
    connection: str | None
    sealing_keys: tuple[tuple[str, str], ...] = ()
    members: tuple[Member, ...] = ()
    tags: bool = False
    node_credentials: str = "key-or-token"
    signed_trunk: bool = False


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization; projects and connections in the order of their slugs."""

    slug: str
    name: str
    keys: KeyUris
    projects: tuple[Project, ...]
    connections: tuple[Connection, ...]
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything the server configuration says."""

    organizations: tuple[Organization, ...]
    egress: EgressRules = NO_EGRESS

    def project(self, slug: str) -> Project | None:
        """The project of that slug, or None."""
        return next((p for o in self.organizations for p in o.projects if p.slug == slug), None)

    def connection(self, slug: str) -> Connection | None:
        """The connection of that slug, or None."""
        return next((c for o in self.organizations for c in o.connections if c.slug == slug), None)

    def organization(self, slug: str) -> Organization | None:
        """The organization of that slug, or None."""
        return next((o for o in self.organizations if o.slug == slug), None)


def read_installation(content: bytes, path: str) -> tuple[Installation | None, tuple[Finding, ...]]:
    """The installation, or None and the findings that say why not. Slugs are unique in the whole installation."""
    file, findings = parse_file(content, path)
    if file is None:
        return None, findings
    report = Report()
    data = Reader(file, report).fields(INSTALLATION, file.nodes, parent=None)
    _check_slugs(file, report)
    _check_connections(file, report)
    _check_apps(file, report)
    _check_hosts(file, report)
    _check_prefixes(file, report)
    _check_members(file, report)
    found = report.resolved()
    if has_errors(found):
        return None, found
    organizations = tuple(_organization(item) for item in data["organization"])
    return Installation(organizations, rules_of(data.get("egress", {}))), found


def _organization(data: Mapping[str, Any]) -> Organization:
    slug = data["slug"]
    return Organization(
        slug=slug,
        name=data.get("name", slug),
        keys=KeyUris(
            **{role: tuple(data["keys"].get(role, ())) for role in ("bundle", "pointer", "commit", "root")},
            audit=data["keys"].get("audit"),
            audit_retired=tuple(data["keys"].get("audit-retired", ())),
        ),
        projects=tuple(_project(slug, item) for item in data.get("project", ())),
        connections=tuple(
            Connection(
                slug=item["slug"],
                organization=slug,
                forge=item["forge"],
                secrets=tuple(item.get("secret", ())),
                credentials=item.get("credentials"),
                api=item.get("api", ""),
                receiver=item.get("receiver", ""),
                instance=item.get("instance", item["slug"]),
                reviewers=tuple((one["account"], one["person"]) for one in item.get("reviewer", ())),
                app=App(**item["app"]) if "app" in item else None,
                ssh=Ssh(item["ssh"]["key"], tuple(item["ssh"]["known-hosts"])) if "ssh" in item else None,
            )
            for item in data.get("connection", ())
        ),
        members=_members(data),
    )


def _members(data: Mapping[str, Any]) -> tuple[Member, ...]:
    return tuple(Member(item["email"], item["role"]) for item in data.get("member", ()))


def _project(organization: str, data: Mapping[str, Any]) -> Project:
    return Project(
        slug=data["slug"],
        organization=organization,
        name=data.get("name", data["slug"]),
        repository=data["repository"],
        path=data.get("path", ""),
        branch_prefix=data.get("branch-prefix", ""),
        trunk=data.get("trunk", "main"),
        connection=data.get("connection"),
        sealing_keys=tuple((item["environment"], item["key"]) for item in data.get("sealing-key", ())),
        members=_members(data),
        tags=data.get("tags", False),
        node_credentials=data.get("node-credentials", "key-or-token"),
        signed_trunk=data.get("signed-trunk", False),
    )


def _nodes(file: ParsedFile, name: str) -> Iterator[tuple[KdlNode, KdlNode]]:
    """(organization, child) for every child of that name."""
    for organization in file.nodes:
        for child in organization.children:
            if organization.name == "organization" and child.name == name:
                yield organization, child


def _first(node: KdlNode) -> Any:
    return node.arguments[0] if node.arguments else None


def _leaf(node: KdlNode, name: str) -> KdlNode | None:
    return next((child for child in node.children if child.name == name and child.arguments), None)


def _check_slugs(file: ParsedFile, report: Report) -> None:
    for name in ("project", "connection"):
        owners: dict[Any, KdlNode] = {}
        for organization, node in _nodes(file, name):
            slug = _first(node)
            other = owners.setdefault(slug, organization)
            if slug is None or other is organization:
                continue
            problem = Problem(
                "E-INS-001",
                f"the {name} '{slug}' exists in the organization '{_first(other)}' already",
                "a slug that is unique in the whole installation",
                "rename one of the two; URLs and node identities are made of it",
            )
            report.add(Mark(file, node, argument=0), problem)


def _check_connections(file: ParsedFile, report: Report) -> None:
    for organization, project in _nodes(file, "project"):
        leaf = _leaf(project, "connection")
        if leaf is None:
            continue
        slug = leaf.arguments[0]
        known = [str(_first(c)) for o, c in _nodes(file, "connection") if o is organization]
        if slug not in known and isinstance(slug, str):
            problem = Problem(
                "E-INS-002",
                f"the organization '{_first(organization)}' has no connection '{slug}'",
                "the slug of a connection of the same organization",
                did_you_mean(slug, known) or "add the connection, or remove this line",
            )
            report.add(Mark(file, leaf, argument=0), problem)


def _check_apps(file: ParsedFile, report: Report) -> None:
    """An App is GitHub's, and is used instead of credentials."""
    for _, connection in _nodes(file, "connection"):
        app = _leaf(connection, "app")
        forge = _leaf(connection, "forge")
        if app is None:
            continue
        if forge is not None and forge.arguments[0] != "github":
            problem = Problem(
                "E-INS-140",
                f"'{forge.arguments[0]}' has no Apps",
                'forge "github"',
                "use credentials with this forge",
            )
            report.add(Mark(file, app), problem)
        if _leaf(connection, "credentials") is not None:
            problem = Problem(
                "E-INS-140",
                "the connection has credentials and an App",
                "one of the two",
                "remove the line that is not meant",
            )
            report.add(Mark(file, app), problem)


def _check_hosts(file: ParsedFile, report: Report) -> None:
    """A host that is reached over ssh is one whose key is pinned: nothing is trusted because it answered first."""
    for organization, project in _nodes(file, "project"):
        repository, named = _leaf(project, "repository"), _leaf(project, "connection")
        host = host_of(str(repository.arguments[0])) if repository is not None else None
        if repository is None or host is None:
            continue
        lines = [
            str(line)
            for owner, connection in _nodes(file, "connection")
            if owner is organization and named is not None and _first(connection) == named.arguments[0]
            for ssh in connection.children
            if ssh.name == "ssh"
            for leaf in ssh.children
            if leaf.name == "known-hosts"
            for line in leaf.arguments
        ]
        if not any(names(line, host) for line in lines):
            problem = Problem(
                "E-INS-150",
                f"the project's connection pins no key of {host}",
                f"a line for {host} in known-hosts of the connection's ssh block",
                "`ssh-keyscan` prints the line; compare it with what the owner of the host publishes",
            )
            report.add(Mark(file, repository, argument=0), problem)


def _check_prefixes(file: ParsedFile, report: Report) -> None:
    """Projects in one repository must not write the same environment branches."""
    taken: dict[tuple[Any, Any], Any] = {}
    for _, project in _nodes(file, "project"):
        repository, prefix = _leaf(project, "repository"), _leaf(project, "branch-prefix")
        if repository is None:
            continue
        key = (repository.arguments[0], prefix.arguments[0] if prefix else "")
        other = taken.setdefault(key, _first(project))
        if other != _first(project):
            problem = Problem(
                "E-INS-003",
                f"the project '{other}' uses the same repository and the same branches",
                "a branch-prefix of its own for each project of one repository",
                f'add: branch-prefix "{_first(project)}/"',
            )
            report.add(Mark(file, project, argument=0), problem)


def _check_members(file: ParsedFile, report: Report) -> None:
    """A project narrows: nobody has a greater role there than in its organization."""
    for organization in file.nodes:
        roles = {m.arguments[0]: m.arguments[1] for m in organization.children if _is_member(m)}
        for project in organization.children:
            for member in project.children if project.name == "project" else ():
                if not _is_member(member) or member.arguments[0] not in roles:
                    continue
                wide, here = roles[member.arguments[0]], member.arguments[1]
                if wide in ROLES and here in ROLES and ROLES.index(here) > ROLES.index(wide):
                    problem = Problem(
                        "E-INS-120",
                        f"{member.arguments[0]} is {wide} of the organization and would be {here} here",
                        f'"{wide}" or less',
                        "raise the role in the organization, or lower this one",
                    )
                    report.add(Mark(file, member, argument=1), problem)


def _is_member(node: KdlNode) -> bool:
    return node.name == "member" and len(node.arguments) == 2
