"""The built-in template `llm-gateway`."""

from __future__ import annotations

from reconciler.config.templates.builtin.shape import Builtin

TEMPLATE = Builtin(
    text="""\
template "llm-gateway" {
    description "Calls to a language model: a limit of tokens, a budget, and who may spend it."
    parameter "hosts" {
        type "host"
        description "The names that it answers for."
        list #true
    }
    parameter "upstream" {
        type "upstream"
        description "Where its requests go."
    }
    parameter "path-prefix" {
        type "path"
        description "Where its paths begin."
        default "/v1"
    }
    parameter "provider" {
        type "text"
        description "How the upstream speaks: openai, anthropic or generic."
        default "openai"
    }
    parameter "auth" {
        type "auth-policy"
        description "Who may use it; everybody when absent."
        required #false
    }
    parameter "tokens-per-minute" {
        type "integer"
        description "Tokens in a minute."
        default 100000
    }
    parameter "budget" {
        type "integer"
        description "Tokens of a month; any number when absent."
        required #false
    }
    parameter "timeout" {
        type "duration"
        description "How long an answer may take."
        default "5m"
    }
    parameter "priority" {
        type "integer"
        description "Which of several matching services is taken: the highest."
        default 50
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:path-prefix}"
        upstream "${param:upstream}"
        auth "${param:auth}"
        priority "${param:priority}"
        timeouts {
            response "${param:timeout}"
        }
        inference {
            provider "${param:provider}"
            rate-limit {
                tokens-per-minute "${param:tokens-per-minute}"
            }
            budget {
                period "monthly"
                limit "${param:budget}"
            }
        }
    }
}
""",
    example="""\
service "assistant" {
    template "llm-gateway" {
        hosts "ai.shop.example"
        upstream "orders"
        tokens-per-minute 50000
        budget 20000000
    }
}
""",
)
