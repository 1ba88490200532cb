"""A small repository that uses what the template does not: one resource of each kind, most fields of a service."""

from __future__ import annotations

FILES = {
    "base.kdl": """\
project "gallery" {
    owner "edge@example.com"
}
environment "dev" {
    proxy-version "0.6.20"
}
environment "production" {
    proxy-version "0.6.20"
    after "dev"
    admin-port 9901
    policy {
        strategy "rolling"
        batches percent=34
        promote "automatic" after="1h" take="train"
        schedule "FREQ=WEEKLY;BYDAY=TU;BYHOUR=10;BYMINUTE=0" zone="Europe/Berlin"
        approvals 2 {
            from "ada@example.com" "team:release"
        }
    }
}
team "release" {
    members "bob@example.com" "carol@example.com"
}
listener "http" {
    address "0.0.0.0:8080"
    protocol "http"
    keepalive-timeout "75s"
}
node-group "edge" {
    label "region" "eu-west" "eu-north"
}
""",
    "upstreams.kdl": """\
upstream "orders" {
    target "10.0.0.1:80" weight=3
    target "10.0.0.2:80" weight=1
    load-balancing "weighted"
    health-check {
        type "http"
        path "/healthz"
        expected-status 204
        interval "10s"
    }
    circuit-breaker {
        failure-threshold 5
        timeout "15s"
    }
    for "dev" {
        target "127.0.0.1:80"
        remove "load-balancing"
    }
}
upstream "next" {
    target "10.0.1.1:80"
    timeouts {
        connect "2s"
        read "10s"
    }
}
""",
    "services.kdl": """\
service "orders" {
    hosts "orders.example"
    path-prefix "/orders" "/basket"
    methods "GET" "POST"
    header "X-Version" "2"
    split "orders" weight=90
    split "next" weight=10
    auth "customers"
    waf "public"
    priority 200
    timeouts {
        connect "1s"
        response "20s"
    }
    middleware "api-limit"
    middleware "edge-headers"
    response-headers {
        set "X-Frame-Options" "DENY"
        remove "Server"
    }
}
service "events" {
    hosts "orders.example"
    path-prefix "/events"
    upstream "next"
    websocket #true
    rate-limit {
        requests-per-second 20
        by "route"
        status 429
    }
    shadow {
        upstream "orders"
        percent 10
    }
    for "production" {
        attempts 2
    }
}
service "old" {
    hosts "old.example"
    redirect {
        status 308
        scheme "https"
        host "new.example"
    }
    only "production"
}
""",
    "templates.kdl": """\
template "internal-api" {
    description "An API for our own networks."
    parameter "hosts" {
        type "host"
        list #true
    }
    parameter "area" {
        type "path"
        description "Where its paths begin."
    }
    parameter "to" {
        type "upstream"
        default "orders"
    }
    parameter "rate" {
        type "integer"
        required #false
    }
    service {
        hosts "${param:hosts}"
        path-prefix "${param:area}"
        upstream "${param:to}"
        attempts 2
        rate-limit {
            requests-per-second "${param:rate}"
            by "path"
        }
        request-headers {
            set "X-Area" "area${param:area}"
        }
    }
}
service "stock" {
    template "internal-api" {
        hosts "stock.example" "stock.internal.example"
        area "/stock"
        rate 50
    }
    methods "GET"
    for "dev" {
        template "internal-api" {
            hosts "stock.dev.example"
            area "/stock"
            to "next"
        }
    }
}
service "prices" {
    template "rest-api" {
        hosts "prices.example"
        upstream "next"
        timeout "5s"
    }
    remove "response-headers"
    attempts 3
}
""",
    "policies.kdl": """\
middleware "api-limit" {
    rate-limit {
        requests-per-second 100
    }
}
middleware "edge-headers" {
    headers {
        request {
            set "X-Edge" "yes"
        }
    }
}
auth-policy "customers" {
    oidc {
        issuer "https://id.example"
        jwks-url "https://id.example/jwks.json"
        audience "orders"
    }
}
waf-policy "public" {
    mode "block"
    sensitivity "medium"
    without "php"
    rule 942100 action="disable" note="Wrong about every second order"
    exclusion "search-box" {
        rules 942151
        path "/search"
        parameter "q"
        note "People search for SQL books"
    }
}
""",
    "native.kdl": """\
proxy "pooled" {
    upstreams {
        upstream "pooled" {
            target "10.0.2.1:80"
            connection-pool {
                idle-timeout 20
            }
        }
    }
    filters {
        filter "notes" {
            type "log"
        }
    }
    routes {
        route "upload" {
            priority 60
            matches {
                path-prefix "/upload"
            }
            upstream "pooled"
            filters "notes"
        }
    }
    limits {
        max-header-count 80
    }
    namespace "ops" {
        routes {
            route "ops-status" {
                matches {
                    path "/status"
                }
                builtin-handler "status"
            }
        }
    }
    for "production" {
        limits {
            max-header-count 60
        }
    }
}
""",
    "operations.kdl": """\
freeze-window "peak-trading" {
    reason "Peak trading"
    zone "Europe/Berlin"
    environments "production"
    once "2026-11-27T00:00" "2026-11-30T06:00"
    weekly "friday 16:00" "monday 08:00"
    holidays "2026-12-24" "2026-12-31"
    hotfix approvals=1
}
health-check "orders" {
    url "https://orders.example/healthz"
    expected-status 200
    interval "30s"
    timeout "5s"
}
slo "orders-availability" {
    service "orders"
    sli "availability"
    objective "99.9%"
    window "30d"
}
alert "orders-errors" {
    severity "critical"
    pending "2m"
    threshold {
        metric "error-rate"
        above "2%"
        service "orders"
    }
}
notification-channel "on-call" {
    email {
        to "edge@orders.example"
    }
}
notification-rule "failures" {
    events "rollout.paused" "rollout.rolled-back" "alert.fired"
    environments "production"
    channels "on-call"
    severity "critical"
}
validation-rule "descriptions" {
    message "Every group says what it is for"
    severity "info"
    kinds "node-group"
    require "description"
}
""",
}
