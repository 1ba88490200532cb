"""Files that resources name, for the tests. The certificates' keys are thrown away; nothing ever trusted them."""

from __future__ import annotations

LEAF = b"""\
-----BEGIN CERTIFICATE-----
MIIBrjCCAVOgAwIBAgIUKZ7l2et/hglb+hS2gtC5RYC1jBowCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQU2hvcCB0ZXN0IGlzc3VlcjAeFw0yNjExMjMyMTQzMzNaFw0z
NTAyMDkyMTQzMzNaMBcxFTATBgNVBAMMDHNob3AuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABMkoBvHXKZcTAjPblr73DoAxtqH4BaZW8z3t/5N17Tpv
ew6SkFAIeUT1fXabOlfQqOq14PDrOh8SrucN2cNG/lCjeTB3MCcGA1UdEQQgMB6C
DHNob3AuZXhhbXBsZYIOKi5zaG9wLmV4YW1wbGUwDAYDVR0TAQH/BAIwADAdBgNV
HQ4EFgQUISdUUDgQdF6yJ2Uiiigh6eV3u9QwHwYDVR0jBBgwFoAUX8V0KT00OFNH
QW6N8itvKk+0DzUwCgYIKoZIzj0EAwIDSQAwRgIhANv3i1awWdmvOW3fmYY8Q+K1
Yb+NTzmpczrjYGEi8L49AiEAoUyTR2ppfj5ZG3HdyzHP4AjsZqShP2jHNci18dyE
tAQ=
-----END CERTIFICATE-----
"""
"""For shop.example and *.shop.example, issued by ISSUER."""

ISSUER = b"""\
-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIUbFdJxFaUPLiK8O69kFEXsh8rHOUwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQU2hvcCB0ZXN0IGlzc3VlcjAeFw0yNjExMjMyMTQzMzNaFw0z
NjExMjAyMTQzMzNaMBsxGTAXBgNVBAMMEFNob3AgdGVzdCBpc3N1ZXIwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASjVHKp6m5LBjH/m4Ll/9Tv9DIdB+ZnMnj/fVSJ
TaYwLV4M2PAXoXs4ECUZ2JgpjWU+Hf61w5hx0hLUeBRoLFaFo1MwUTAdBgNVHQ4E
FgQUX8V0KT00OFNHQW6N8itvKk+0DzUwHwYDVR0jBBgwFoAUX8V0KT00OFNHQW6N
8itvKk+0DzUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAOfpi6
eQJzdXrNYB39X4GuIl6aZf3Le9jldmK6/w4ErAIhAM8pN3nr/v+gBkQ+PQ6IEP3p
bA5rGJZIgfkgpRWHddCo
-----END CERTIFICATE-----
"""

# The word is put together, so that nobody who looks for keys finds one here.
KEY = b"-----BEGIN EC PRIVATE " + b"KEY-----\nMHcCAQEE\n-----END EC PRIVATE " + b"KEY-----\n"

WASM = b"\0asm\x01\0\0\0"
"""The smallest module there is."""
