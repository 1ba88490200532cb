"""The catalogue of built-in WAF rules: sixty of the OWASP CRS (Core Rule Set) 4, by their own ids.

Ids, titles, severities and paranoia levels are those of CRS 4.29; what a rule means is told in our words. CRS is
licensed under Apache-2.0, © 2006-2020 Trustwave and contributors, © 2021-2026 CRS project. It is not part of this
program: the WAF agent runs the rules of the CRS that the node has installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.config.kinds.waf_policy import CATEGORIES

NAME = "owasp-crs"
VERSION = "4.29.0-dev"
LICENCE = "Apache-2.0"
COPYRIGHT = "© 2006-2020 Trustwave and contributors, © 2021-2026 CRS project"
HOME = "https://coreruleset.org/"

FAMILIES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "protocol": (911, 920, 921, 922),
        "scanner": (913,),
        "lfi": (930,),
        "rfi": (931,),
        "rce": (932,),
        "php": (933,),
        "generic": (934,),
        "xss": (941,),
        "sqli": (942,),
        "session": (943,),
        "java": (944,),
    }
)
"""Category → the first three digits of its rules' ids in CRS. Together they are all detection rules for requests."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: CRS's id, title, severity and paranoia level, our words for its meaning, our category."""

    id: int
    title: str
    meaning: str
    category: str
    severity: str
    paranoia: int = 1


_TABLE = """
911100 protocol critical
    Method is not allowed by policy
    The method is none of those that the policy allows.
913100 scanner critical
    Found User-Agent associated with security scanner
    The client names itself as a tool that looks for vulnerabilities.
920100 protocol warning
    Invalid HTTP Request Line
    The first line of the request is not what HTTP says it has to be.
920120 protocol critical
    Attempted multipart/form-data bypass
    The name of an uploaded file holds characters that make two parsers read the form differently.
920160 protocol critical
    Content-Length HTTP header is not numeric
    Content-Length is not a number.
920170 protocol critical
    GET or HEAD Request with Body Content
    A GET or HEAD request announces a body.
920171 protocol critical
    GET or HEAD Request with Transfer-Encoding
    A GET or HEAD request announces a body in chunks.
920180 protocol warning
    POST without Content-Length and Transfer-Encoding headers
    A POST request does not say where its body ends.
920181 protocol warning
    Content-Length and Transfer-Encoding headers present
    The request says in two ways where its body ends: the two servers behind one another may choose differently.
920270 protocol critical
    Invalid character in request (null character)
    A null byte stands in a parameter or a header.
920280 protocol critical
    Request Missing a Host Header
    There is no Host header.
920340 protocol critical
    Content-Type header missing from request with non-zero Content-Length
    A body comes without its type.
920430 protocol critical
    HTTP protocol version is not allowed by policy
    The version of HTTP is none of those allowed.
920450 protocol critical
    HTTP header is restricted by policy (%{MATCHED_VAR})
    The request carries a header that no client should send.
920470 protocol critical
    Illegal Content-Type header
    Content-Type is not written as HTTP says.
921110 protocol critical
    HTTP Request Smuggling Attack
    A parameter holds the first line of another request.
921120 protocol critical
    HTTP Response Splitting Attack
    A parameter holds a line break and a header of an answer.
921130 protocol critical
    HTTP Response Splitting Attack
    A parameter holds the beginning of an answer's body.
921140 protocol critical
    HTTP Header Injection Attack via headers
    A header holds a line break.
921150 protocol critical
    HTTP Header Injection Attack via payload (CR/LF detected)
    The name of a parameter holds a line break.
921160 protocol critical
    HTTP Header Injection Attack via payload (CR/LF and header-name detected)
    A parameter holds a line break and the name of a header behind it.
930100 lfi critical
    Path Traversal Attack (/../) or (/.../)
    The undecoded request holds a step to the folder above, in one of its many spellings.
930110 lfi critical
    Path Traversal Attack (/../) or (/.../)
    The decoded request holds a step to the folder above.
930120 lfi critical
    OS File Access Attempt
    A parameter names a file of the operating system.
930130 lfi critical
    Restricted File Access Attempt
    The path leads to a file that is never served, such as settings or the data of a version control system.
931100 rfi critical
    Possible Remote File Inclusion (RFI) Attack: URL Parameter using IP Address
    A parameter is a URL whose host is an address in numbers.
931110 rfi critical
    Possible Remote File Inclusion (RFI) Attack: Common RFI Vulnerable Parameter Name used w/URL Payload
    A parameter with a name known from inclusion holes holds a URL.
931120 rfi critical
    Possible Remote File Inclusion (RFI) Attack: URL Payload Used w/Trailing Question Mark Character (?)
    A parameter is a URL that ends in a question mark, which cuts off what the application adds.
932120 rce critical
    Remote Command Execution: Windows PowerShell Command Found
    A parameter holds a command of PowerShell.
932130 rce critical
    Remote Command Execution: Unix Shell Expression Found
    A parameter holds an expression that a Unix shell would evaluate.
932160 rce critical
    Remote Command Execution: Unix Shell Code Found
    A parameter holds a path or command known from shell code.
932170 rce critical
    Remote Command Execution: Shellshock (CVE-2014-6271)
    A header begins like a function that an old bash would run.
932230 rce critical
    Remote Command Execution: Unix Command Injection (2-3 chars)
    A parameter goes on with a Unix command whose name has two or three letters.
932235 rce critical
    Remote Command Execution: Unix Command Injection (command without evasion)
    A parameter goes on with a Unix command, written plainly.
932260 rce critical
    Remote Command Execution: Direct Unix Command Execution
    A parameter is itself a Unix command.
933100 php critical
    PHP Injection Attack: PHP Open Tag Found
    A parameter opens PHP code.
933150 php critical
    PHP Injection Attack: High-Risk PHP Function Name Found
    A parameter names a dangerous function of PHP.
933170 php critical
    PHP Injection Attack: Serialized Object Injection
    A parameter is an object as PHP serializes it.
933200 php critical
    PHP Injection Attack: Wrapper scheme detected
    A parameter is a URL with one of PHP's own schemes.
934100 generic critical
    Node.js Injection Attack 1/2
    A parameter holds JavaScript that runs code on a server.
934110 generic critical
    Possible Server Side Request Forgery (SSRF) Attack: Cloud provider metadata URL in Parameter
    A parameter leads to the address where a cloud tells a machine its credentials.
934130 generic critical
    JavaScript Prototype Pollution
    A parameter reaches for the prototype of all JavaScript objects.
934200 generic critical
    SSTI
    A parameter holds an expression of a template language.
941100 xss critical
    XSS Attack Detected via libinjection
    The libinjection parser reads a parameter as HTML that runs a script.
941110 xss critical
    XSS Filter - Category 1: Script Tag Vector
    A parameter holds a script element.
941120 xss critical
    XSS Filter - Category 2: Event Handler Vector
    A parameter holds an attribute that runs a script upon an event.
941130 xss critical
    XSS Filter - Category 3: Attribute Vector
    A parameter holds an attribute that loads or runs something.
941140 xss critical
    XSS Filter - Category 4: Javascript URI Vector
    A parameter holds a URL that is a script.
941160 xss critical
    NoScript XSS InjectionChecker: HTML Injection
    A parameter holds HTML that the NoScript extension would stop.
942100 sqli critical
    SQL Injection Attack Detected via libinjection
    The libinjection parser reads a parameter as a piece of SQL.
942151 sqli critical
    SQL Injection Attack: SQL function name detected
    A parameter calls a function of SQL.
942160 sqli critical
    Detects blind sqli tests using sleep() or benchmark()
    A parameter makes a database wait, which tells an attacker that it ran.
942190 sqli critical
    Detects MSSQL code execution and information gathering attempts
    A parameter asks a database about itself or makes it run code.
942270 sqli critical
    Looking for basic sql injection. Common attack string for mysql, oracle and others
    A parameter joins a second query with UNION SELECT.
942350 sqli critical
    Detects MySQL UDF injection and other data/structure manipulation attempts
    A parameter creates a function or changes tables.
942550 sqli critical
    JSON-Based SQL Injection
    A parameter hides SQL behind the JSON operators of a database.
943120 session critical
    Possible Session Fixation Attack: SessionID Parameter Name with No Referer
    A parameter sets a session's id, and no page led here.
944100 java critical
    Remote Command Execution: Suspicious Java class detected
    A parameter names a Java class that runs programs.
944120 java critical
    Remote Command Execution: Java serialization (CVE-2015-4852)
    A parameter holds a serialized Java object or a class known from such attacks.
944150 java critical
    Potential Remote Command Execution: Log4j / Log4shell
    A parameter holds a lookup that an old Log4j would follow.
"""
"""For each rule: id, category and severity; CRS's title; what it finds. All are of paranoia level 1."""


def _parsed(table: str) -> tuple[Rule, ...]:
    lines = table.strip().splitlines()
    found = []
    for head, title, meaning in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        number, category, severity = head.split()
        found.append(Rule(int(number), title.strip(), meaning.strip(), category, severity))
    return tuple(found)


def _by_id(rules: tuple[Rule, ...]) -> Mapping[int, Rule]:
    found = {rule.id: rule for rule in rules}
    if len(found) != len(rules) or set(FAMILIES) != set(CATEGORIES):
        raise ValueError("a rule stands in the catalogue twice, or a category has no rules")
    return MappingProxyType(found)


RULES: Mapping[int, Rule] = _by_id(_parsed(_TABLE))
"""Every rule of the catalogue by its id, in the order of ids."""


def category_of(rule: int) -> str | None:
    """The category that a CRS rule belongs to by its id, or None when no detection rule for requests has such an id."""
    family = rule // 1000
    return next((category for category, families in FAMILIES.items() if family in families), None)
