"""The closed vocabulary of states: the same words in the legend, the tables, the JSON views and the metrics.

Each state has a label, the icon that goes with it, a tone (which is a colour) and one line that says what it means.
A colour never stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """One state. `icon` names a symbol of `icons.svg`, `tone` a colour of the style sheet."""

    key: str
    label: str
    icon: str
    tone: str
    meaning: str


def _table(*states: State) -> dict[str, State]:
    table = {state.key: state for state in states}
    if len(table) != len(states):
        raise ValueError("two states have one key")
    return table


CELLS: dict[str, State] = _table(
    State(
        "running",
        "running here",
        "running",
        "go",
        "The last rollout that completed here brought this commit.",
    ),
    State(
        "rolling-out", "rolling out", "rolling", "move", "Its rollout is open: nodes are being brought to it."
    ),
    State("paused", "paused", "paused", "hold", "Its rollout stopped part way and waits for a person."),
    State(
        "partial",
        "partial",
        "rolling",
        "hold",
        "Its rollout was for some nodes alone, and has ended for them.",
    ),
    State("rolled-back", "rolled back", "rolledback", "stop", "Its rollout failed, and the nodes went back."),
    State(
        "quarantined", "quarantined", "quarantined", "stop", "Its digest may not ship to this environment."
    ),
    State("waiting", "waiting", "waiting", "hold", "It is wished for here, and a rule says not yet."),
    State(
        "ready",
        "can be promoted",
        "ready",
        "note",
        "It completed everywhere before here; nobody asked for it yet.",
    ),
    State("was-here", "was here", "washere", "past", "It ran here until a later rollout completed."),
    State(
        "superseded",
        "superseded",
        "superseded",
        "past",
        "Another rollout took its place before it completed.",
    ),
    State(
        "no-change",
        "no change",
        "nochange",
        "past",
        "It compiles to a bundle that was already there: same digest.",
    ),
    State("not-here", "not here", "nothere", "none", "It never began in this environment."),
    State(
        "compiling",
        "not compiled yet",
        "compiling",
        "note",
        "The commit was found and is next to be compiled.",
    ),
    State(
        "skipped",
        "skipped",
        "skipped",
        "none",
        "It was not the newest commit of its push, so it was not compiled.",
    ),
    State(
        "refused", "refused", "refused", "stop", "It has findings: it makes no bundle and changes nothing."
    ),
)

RISKS: dict[str, State] = _table(
    State("low", "low risk", "running", "go", "No rule holds, or only ones of little weight."),
    State("medium", "medium risk", "unhealthy", "hold", "Something may go wrong; read the reasons."),
    State("high", "high risk", "unhealthy", "stop", "Requests may fail, or a guard is weaker."),
    State("critical", "critical risk", "stalled", "stop", "Something that protects or answers is gone."),
    State("unknown", "unknown risk", "nothere", "none", "It could not be judged; the reason says why."),
)
"""Of bringing a bundle to an environment, against the bundle that completed there last."""

ROLLOUTS: dict[str, State] = _table(
    State("open", "open", "rolling", "move", "Nodes are being brought to its digest, batch by batch."),
    State("paused", "paused", "paused", "hold", "It stopped part way and waits for a person."),
    State(
        "partial",
        "partial",
        "rolling",
        "hold",
        "The nodes of its target run its digest; all others are held back.",
    ),
    State(
        "widened",
        "widened",
        "superseded",
        "past",
        "Another rollout goes on with the same digest for further nodes.",
    ),
    State("completed", "completed", "running", "go", "Every node it was for runs its digest and is healthy."),
    State("rolled-back", "rolled back", "rolledback", "stop", "It failed, and the nodes went back."),
    State(
        "superseded",
        "superseded",
        "superseded",
        "past",
        "Another rollout took its place before it completed.",
    ),
    State("cancelled", "cancelled", "skipped", "past", "A person ended it before it completed."),
)

NODES: dict[str, State] = _table(
    State(
        "silent",
        "silent",
        "silent",
        "stop",
        "Not heard for longer than its environment allows: its state is unknown.",
    ),
    State("refusing", "refusing", "refused", "stop", "It refused what it fetched and keeps what it ran."),
    State(
        "unhealthy", "unhealthy", "unhealthy", "stop", "It says that its proxy does not work as it should."
    ),
    State("lagging", "lagging", "lagging", "hold", "It runs a digest that its environment no longer offers."),
    State("idle", "nothing to run", "nothere", "none", "Its environment has no release yet."),
    State(
        "ok",
        "ok",
        "running",
        "go",
        "Heard in time, healthy, and running a digest that its environment offers.",
    ),
)
"""In order of precedence: a node has the first status that fits."""

FRESHNESS: dict[str, State] = _table(
    State("online", "online", "running", "go", "Heard within the expected interval."),
    State("late", "late", "waiting", "hold", "Overdue, but within what its environment allows."),
    State("silent", "silent", "silent", "stop", "Not heard for longer than its environment allows."),
    State("unknown", "never heard", "nothere", "none", "Registered, and never heard since."),
)

STEPS: dict[str, State] = _table(
    State("done", "done", "running", "go", "Its nodes run the digest and its gates passed."),
    State("active", "now", "rolling", "move", "Its nodes are being brought to the digest."),
    State("waiting", "next", "nothere", "none", "It has not begun."),
    State("failed", "failed", "refused", "stop", "A gate failed or the deadline passed."),
)

VERDICTS: dict[str, State] = _table(
    State("pass", "pass", "running", "go", "The gate is satisfied."),
    State("wait", "wait", "waiting", "hold", "The gate does not know enough yet."),
    State("fail", "fail", "refused", "stop", "The gate found a reason to stop."),
)

COMMITS: dict[str, State] = _table(
    State("found", "not compiled yet", "compiling", "note", "Seen on trunk, next to be compiled."),
    State("skipped", "skipped", "skipped", "none", "Not the newest commit of its push."),
    State("refused", "refused", "refused", "stop", "It has findings."),
    State("compiled", "compiled", "running", "go", "It compiled to a signed bundle."),
)

CERTIFICATES: dict[str, State] = _table(
    State(
        "ended", "ended", "refused", "stop", "Clients refuse it: it, or an issuer in its chain, has ended."
    ),
    State("early", "not yet", "waiting", "stop", "Clients refuse it: it does not hold yet."),
    State("soon", "ends soon", "unhealthy", "hold", "It ends within the time that its warn-before says."),
    State("holds", "holds", "running", "go", "It holds, and for longer than its warn-before says."),
)

WAF: dict[str, State] = _table(
    State("block", "refuses", "running", "go", "Requests that look like an attack are refused."),
    State("detect", "only detects", "unhealthy", "hold", "Requests that look like an attack are logged."),
    State("off", "off", "skipped", "stop", "Requests are not looked at."),
)
"""What a WAF policy does with a request that looks like an attack."""

SECRETS: dict[str, State] = _table(
    State(
        "missing", "missing", "refused", "stop", "What runs there names it, and no value is sealed for it."
    ),
    State("due", "due", "unhealthy", "hold", "Its value is older than its rotate-every says."),
    State("undated", "age unknown", "waiting", "none", "Nobody wrote down when its value was made."),
    State("sealed", "sealed", "running", "go", "It has a value, and that is not due."),
    State(
        "absent",
        "not here",
        "nothere",
        "none",
        "It has no value for this environment, and nothing needs one.",
    ),
)
"""Of a secret in one environment, the most urgent first."""

REPRODUCTIONS: dict[str, State] = _table(
    State("different", "different", "refused", "stop", "Its commit compiles to something else."),
    State("damaged", "damaged", "unhealthy", "stop", "The object store does not have it as it should."),
    State(
        "other-tree",
        "another tree",
        "refused",
        "stop",
        "Its commit has another tree than its statement says.",
    ),
    State(
        "not-compiled", "not rebuilt", "refused", "stop", "Its commit does not compile, although it once did."
    ),
    State("no-commit", "commit is gone", "waiting", "hold", "The repository no longer has its commit."),
    State(
        "other-compiler",
        "not with this compiler",
        "washere",
        "past",
        "Another version of the compiler made it; only that one makes the same bytes.",
    ),
    State("identical", "identical", "running", "go", "Its commit compiles to these very bytes."),
)
"""How rebuilding a bundle from its commit ended."""

UNKNOWN = State("unknown", "unknown", "nothere", "none", "This page does not know the state.")


def state_of(vocabulary: dict[str, State], key: str) -> State:
    """The state of that key, or `UNKNOWN`: a page never invents one."""
    return vocabulary.get(key, UNKNOWN)
