"""Settings of one process, read from its environment once, at the edge, and handed down.

`SETTINGS` is the table behind `docs/settings.md`. Forbidden here: reading anything but the mapping given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.errors import Stalled


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, the default as people would write it, and what it means."""

    name: str
    default: str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SENTINEL_HOME", ".sentinel", "Folder for everything this machine keeps: mirrors, caches, files."
    ),
    Setting(
        "SENTINEL_CACHE", "$SENTINEL_HOME/cache", "Folder of what may be lost at any time: the compile cache."
    ),
    Setting(
        "COMPILE_CACHE_MB", "256", "How large the compile cache may grow, in MiB. 0: nothing is kept or used."
    ),
    Setting("SENTINEL_CONFIG", "$SENTINEL_HOME/control-plane.kdl", "The server configuration."),
    Setting(
        "SENTINEL_CONFIG_REPOSITORY",
        "",
        "A git repository that the server configuration is followed from: the clock writes each good head to "
        "SENTINEL_CONFIG. Empty: the file is yours to write.",
    ),
    Setting("SENTINEL_CONFIG_BRANCH", "main", "The branch that is followed."),
    Setting("SENTINEL_CONFIG_PATH", "control-plane.kdl", "The file in that repository."),
    Setting(
        "SENTINEL_CONFIG_CREDENTIALS",
        "",
        'URI of "user:token" for that repository, `file:…` or `env:…`. Empty: anonymous access.',
    ),
    Setting("DATABASE_URL", "sqlite:///$SENTINEL_HOME/control-plane.db", "sqlite:///path or postgresql://…"),
    Setting(
        "REDIS_URL", "redis://127.0.0.1:6379/0", "Redis or Valkey: RQ's queues. Loses nothing when lost."
    ),
    Setting("S3_ENDPOINT", "", "S3 or MinIO, such as http://minio:9000. Empty: bundles are kept in files."),
    Setting("S3_BUCKET", "sentinel", "The bucket; made when it is missing and the credentials allow."),
    Setting("S3_ACCESS_KEY", "", "Access key of the bucket."),
    Setting("S3_SECRET_KEY", "", "Secret key of the bucket."),
    Setting("S3_REGION", "us-east-1", "Region that requests are signed for."),
    Setting(
        "S3_PUBLIC_ENDPOINT",
        "",
        "Where nodes reach the bucket. With it they are sent there for bundles, by presigned URLs; empty: the node API "
        "serves them.",
    ),
    Setting(
        "KEEP_BUNDLES",
        "20",
        "How many bundles that completed last are kept of each environment, besides those that are in use.",
    ),
    Setting("SWEEP_SECONDS", "60", "How often every repository is looked at although no webhook came."),
    Setting("NODE_POLL_SECONDS", "10", "How long a node is told to wait between polls and heartbeats."),
    Setting("NODES_PUBLIC_URL", "http://127.0.0.1:8002", "Where nodes reach the node API."),
    Setting(
        "PAGES_PUBLIC_URL",
        "http://127.0.0.1:8000",
        "Where people reach the status pages. Anywhere but on this machine it has to be https.",
    ),
    Setting(
        "PAGES_ACCESS",
        "sign-in",
        "Who may look: `sign-in` for people with an account and API keys, or `loopback` for everybody on this machine, "
        "who may then read and change nothing without signing in.",
    ),
    Setting(
        "PAGES_PROXIES",
        "0",
        "How many reverse proxies stand before the status pages, each adding to X-Forwarded-For. Only for the address "
        "that attempts to sign in are counted by.",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process may know of its surroundings. Secrets in it are never printed."""

    home: Path
    cache: Path
    compile_cache_bytes: int
    config_file: Path
    database_url: str
    redis_url: str
    s3_endpoint: str | None
    s3_bucket: str
    s3_access_key: str
    s3_secret_key: str
    s3_region: str
    s3_public_endpoint: str | None
    keep_bundles: int
    sweep_seconds: float
    node_poll_seconds: float
    nodes_public_url: str
    pages_public_url: str
    pages_access: str
    pages_proxies: int
    config_repository: str = ""
    config_branch: str = "main"
    config_path: str = "control-plane.kdl"
    config_credentials: str = ""

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r}, …)"

    @property
    def mirrors(self) -> Path:
        """Folder of the bare mirrors, one for each repository."""
        return self.home / "mirrors"

    @property
    def files(self) -> Path:
        """Folder of the object store when no S3 endpoint is set."""
        return self.home / "objects"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read settings from a mapping like `os.environ`.

    Raises `Stalled` that names the variable when a value cannot be used.
    """
    home = Path(environ.get("SENTINEL_HOME") or ".sentinel").absolute()
    defaults = {setting.name: setting.default.replace("$SENTINEL_HOME", str(home)) for setting in SETTINGS}

    def text(name: str) -> str:
        return environ.get(name) or defaults[name]

    def seconds(name: str) -> float:
        try:
            value = float(text(name))
        except ValueError:
            value = -1.0
        if not 0 < value < 86_400 * 366:
            raise Stalled(
                "E-SET-001", f"{name} is '{text(name)}'", cure="Set it to a number of seconds above zero"
            )
        return value

    def number(name: str, *, least: int = 1) -> int:
        value = text(name)
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= 1_000_000:
            raise Stalled(
                "E-SET-001", f"{name} is '{value}'", cure=f"Set it to a whole number from {least} on"
            )
        return int(value)

    def choice(name: str, options: tuple[str, ...]) -> str:
        if text(name) not in options:
            raise Stalled("E-SET-008", f"{name} is '{text(name)}'", cure=f"Use one of {', '.join(options)}")
        return text(name)

    def url(name: str, schemes: tuple[str, ...]) -> str:
        value = text(name)
        if urlsplit(value).scheme not in schemes:
            raise Stalled(
                "E-SET-002",
                f"{name} has the scheme '{urlsplit(value).scheme}'",
                cure=f"Use one of {', '.join(f'{s}://' for s in schemes)}",
            )
        return value

    endpoint = environ.get("S3_ENDPOINT") or None
    if endpoint is not None and not (environ.get("S3_ACCESS_KEY") and environ.get("S3_SECRET_KEY")):
        raise Stalled(
            "E-SET-003", "S3_ENDPOINT is set without credentials", cure="Set S3_ACCESS_KEY and S3_SECRET_KEY"
        )
    return Settings(
        home=home,
        cache=Path(text("SENTINEL_CACHE")).absolute(),
        compile_cache_bytes=number("COMPILE_CACHE_MB", least=0) * 1024 * 1024,
        config_file=Path(text("SENTINEL_CONFIG")).absolute(),
        database_url=url("DATABASE_URL", ("sqlite", "postgresql", "postgres")),
        redis_url=url("REDIS_URL", ("redis", "rediss", "unix")),
        s3_endpoint=url("S3_ENDPOINT", ("http", "https")) if endpoint else None,
        s3_bucket=text("S3_BUCKET"),
        s3_access_key=environ.get("S3_ACCESS_KEY", ""),
        s3_secret_key=environ.get("S3_SECRET_KEY", ""),
        s3_region=text("S3_REGION"),
        s3_public_endpoint=url("S3_PUBLIC_ENDPOINT", ("http", "https"))
        if text("S3_PUBLIC_ENDPOINT")
        else None,
        keep_bundles=number("KEEP_BUNDLES"),
        sweep_seconds=seconds("SWEEP_SECONDS"),
        node_poll_seconds=seconds("NODE_POLL_SECONDS"),
        nodes_public_url=url("NODES_PUBLIC_URL", ("http", "https")),
        pages_public_url=url("PAGES_PUBLIC_URL", ("http", "https")),
        pages_access=choice("PAGES_ACCESS", ("sign-in", "loopback")),
        pages_proxies=number("PAGES_PROXIES", least=0),
        config_repository=text("SENTINEL_CONFIG_REPOSITORY"),
        config_branch=text("SENTINEL_CONFIG_BRANCH"),
        config_path=text("SENTINEL_CONFIG_PATH"),
        config_credentials=text("SENTINEL_CONFIG_CREDENTIALS"),
    )
