"""A project whose listeners, upstreams and middlewares use every file that the language can name."""

from __future__ import annotations

from reconciler.config.source import SourceFile
from tests.unit.config.attachments import ISSUER, LEAF, WASM
from tests.unit.config.trees import BASE, secret

_TLS = """\
listener "secure" {
    address "0.0.0.0:8443"
    protocol "https"
    certificate "shop"
    tls {
        min-version "1.3"
        cipher-suites "TLS_AES_128_GCM_SHA256" "TLS_AES_256_GCM_SHA384"
    }
}
certificate "shop" {
    names "shop.example" "www.shop.example"
    chain "pem/shop.pem"
    key "shop-key"
    warn-before "30d"
}
certificate "later" {
    names "later.example"
    acme {
        email "edge@shop.example"
        challenge "dns-01"
    }
}
trust-store "internal" {
    description "Whom the targets' certificates come from"
    files "pem/issuer.pem"
}
plugin "geo" {
    type "wasm"
    file "plugins/geo.wasm"
}
middleware "country" {
    custom {
        socket "/run/zentinel/wasm.sock"
        plugins "geo"
    }
}
upstream "orders" {
    target "10.0.0.1:443"
    tls {
        sni "orders.internal.example"
        client-certificate "shop"
        trust-store "internal"
    }
    for "dev" {
        target "127.0.0.1:8443"
    }
}
service "orders" {
    hosts "shop.example" "www.shop.example"
    path-prefix "/orders"
    upstream "orders"
    middleware "country"
}
"""

FILES = {
    file.path: file
    for file in (
        SourceFile("base.kdl", BASE.encode()),
        SourceFile("secrets.kdl", secret("shop-key").encode()),
        SourceFile("tls.kdl", _TLS.encode()),
        SourceFile("pem/shop.pem", LEAF + ISSUER),
        SourceFile("pem/issuer.pem", ISSUER),
        SourceFile("plugins/geo.wasm", WASM),
    )
}
