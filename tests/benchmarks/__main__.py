"""`make bench`: print one JSON line for each benchmark. `python -m tests.benchmarks NAME …` runs some of them.

A ratio that misses its target is printed as such and does not fail the run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.benchmarks import (
    compile_1k,
    compile_growth,
    compile_incremental,
    decide_10k,
    heartbeat,
    node_rss,
    node_verify,
    pages,
    poll,
    signing,
    simulate,
    webhook,
)
from tests.benchmarks.result import Result

BENCHES: dict[str, Callable[[], Result]] = {
    "compile-1k": compile_1k.run,
    "compile-growth": compile_growth.run,
    "compile-incremental": compile_incremental.run,
    "decide-10k": decide_10k.run,
    "decide-growth": decide_10k.run_growth,
    "heartbeat": heartbeat.run,
    "node-rss": node_rss.run,
    "node-verify": node_verify.run,
    **pages.BENCHES,
    "poll": poll.run,
    "signing": signing.run,
    "simulate": simulate.run,
    "webhook": webhook.run,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or BENCHES:
        print(BENCHES[name]().line(), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
