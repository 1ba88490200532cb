"""The built-in template `graphql`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "graphql" {
    description "One path that takes queries."
    parameter "hosts" {
        type "host"
        description "The names that it answers for."
        list #true
    }
    parameter "upstream" {
        type "upstream"
        description "Where its requests go."
    }
    parameter "path" {
        type "path"
        description "The path that queries are sent to."
        default "/graphql"
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "waf" {
        type "waf-policy"
        description "Which attacks its requests are searched for; none when absent."
        required #false
    }
    parameter "requests-per-second" {
        type "integer"
        description "How many requests pass in each second; any number when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long a query may take."
        default "30s"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path "${param:path}"
        upstream "${param:upstream}"
        auth "${param:auth}"
        waf "${param:waf}"
        priority "${param:priority}"
        protocol "graphql"
        timeouts {
            response "${param:timeout}"
        }
        rate-limit {
            requests-per-second "${param:requests-per-second}"
        }
        response-headers {
            set "X-Content-Type-Options" "nosniff"
        }
    }
}
""",
    example="""\
service "graph" {
    template "graphql" {
        hosts "api.shop.example"
        upstream "orders"
        requests-per-second 50
    }
}
""",
)
