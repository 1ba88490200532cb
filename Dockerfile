# One image for every process; what runs is the command. Runs as an unprivileged user.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements/server.lock requirements/server.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/server.lock
COPY pyproject.toml README.md LICENSE ./
COPY reconciler reconciler
COPY webhooks webhooks
COPY web web
COPY repo-template repo-template
RUN /venv/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.13-slim
# Compose runs the processes as the owner of the keys, whoever that is, so any user may write here.
RUN useradd --system --uid 10001 --home-dir /var/lib/sentinel --create-home sentinel && chmod 1777 /var/lib/sentinel
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH SENTINEL_HOME=/var/lib/sentinel SENTINEL_CONFIG=/etc/sentinel/control-plane.kdl \
    PYTHONUNBUFFERED=1 TZ=UTC
USER sentinel
WORKDIR /var/lib/sentinel
CMD ["sentinelctl", "--help"]
