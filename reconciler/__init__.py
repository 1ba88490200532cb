"""The control plane: from a commit to a signed bundle, and from a decision to the next commit.

The packages form layers; a package imports only from those above it (import-linter holds this,
see `pyproject.toml`):

    errors, clock, pinned, settings
    outline     what people who look are told of a configuration     pure
    config      the config language                                  pure
    compile     snapshot → proxy KDL                                 pure
    bundle      archive, manifest, statement, pointer, verification  pure
    fleet       what the reports of many nodes amount to             pure
    release     what an environment does next                        pure
    egress      the one way out to addresses that somebody wrote down
    git, store, keys, db     the outside world, one package each, ignorant of each other
    flows       read → pure → write, one file a job
    jobs        queue, leases, schedule
    embedded    the whole system on one machine, for `up` and `demo`
    cli         the commands of sentinelctl

    node        the agent beside a proxy; with `bundle` and `errors` alone
    simulator   proxies with a temperament, and fleets of agents around them

Pure means: no clock, no randomness, no environment, no I/O and no logging; `now` is an argument.
Importing any module does nothing but define things.
"""
