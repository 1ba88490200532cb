"""The built-in template `health-endpoint`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "health-endpoint" {
    description "One path that load balancers and monitors ask, above all other services and without guards."
    parameter "hosts" {
        type "host"
        description "The names that it answers for; every one when absent."
        required #false
        list #true
    }
    parameter "upstream" {
        type "upstream"
        description "Where its requests go."
    }
    parameter "path" {
        type "path"
        description "The path."
        default "/healthz"
    }
    parameter "timeout" {
        type "duration"
        description "How long an answer may take."
        default "2s"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 900
    }
    service {
        hosts "${param:hosts}"
        path "${param:path}"
        methods "GET" "HEAD"
        upstream "${param:upstream}"
        priority "${param:priority}"
        timeouts {
            response "${param:timeout}"
        }
        response-headers {
            set "Cache-Control" "no-store"
        }
    }
}
""",
    example="""\
service "alive" {
    template "health-endpoint" {
        upstream "orders"
    }
}
""",
)
