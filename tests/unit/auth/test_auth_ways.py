"""Ways that lead over another site, and second factors: the pages keep their promises whatever a way does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader

from reconciler.db import accounts
from reconciler.db.audit import AuditRow
from reconciler.db.people import Person, SignIn
from reconciler.db.session import reading
from reconciler.settings import Settings
from tests.unit.auth.people import NOW, PASSWORD, form_token, make_app
from web.auth.factors.factor import Factor
from web.auth.ways import WAYS
from web.auth.ways.way import Asked, Elsewhere, Turned, Way

READER = "reader@acme.example"
SITE = "https://login.example/authorize"


class Site:
    """Another site's way: it remembers what it was asked, and says who has the code that came back."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.knows: dict[str, str] = {"code-of-reader": READER}

    def begin(self, asked: Asked) -> Elsewhere:
        return Elsewhere(f"{SITE}?state={asked.state}&redirect_uri={asked.back}", {"nonce": "n-1"})

    def recognise(self, asked: Asked) -> Person | Turned:
        self.asked.append(asked)
        found = accounts.known(self.knows.get(asked.fields.get("code", ""), ""))
        return found if found is not None else Turned(told="The other site does not know you.")


class Codes:
    """A factor of codes that count once each."""

    def __init__(self) -> None:
        self.left = ["111111", "222222"]
        self.asked = 0

    def passes(self, person: Person, asked: Asked) -> bool:
        self.asked += 1
        code = asked.fields.get("code", "")
        if code in self.left:
            self.left.remove(code)
            return True
        return False


class World:
    def __init__(self, settings: Settings) -> None:
        self.now = NOW
        self.site, self.codes = Site(), Codes()
        self.everybody = True
        self.app: Flask = make_app(
            settings,
            lambda: self.now,
            ways=(*WAYS, Way("site", "test/site.html", self.site.recognise, self.site.begin)),
            factors=(
                Factor("codes", "test/codes.html", lambda person, way: self.everybody, self.codes.passes),
            ),
        )
        templates = DictLoader(
            {
                "test/site.html": '<a href="/sign-in/with/site">Site</a>',
                "test/codes.html": '<input name="code">',
            }
        )
        assert self.app.jinja_loader is not None
        self.app.jinja_loader = ChoiceLoader([templates, self.app.jinja_loader])
        self.client = self.app.test_client()

    def password(self, client: FlaskClient | None = None) -> Any:
        client = client or self.client
        fields = {"csrf_token": form_token(client), "email": READER, "password": PASSWORD, "next": "/account"}
        return client.post("/sign-in", data=fields)

    def code(self, code: str, client: FlaskClient | None = None) -> Any:
        client = client or self.client
        return client.post("/sign-in/factor", data={"csrf_token": form_token(client), "code": code})

    def leave(self, path: str = "/account") -> str:
        """Go to the site, and say with which state."""
        answer = self.client.get(f"/sign-in/with/site?next={path}")
        assert answer.status_code == 303
        assert answer.location.startswith(SITE)
        state: str = answer.location.split("state=")[1].split("&")[0]
        return state

    def back(self, state: str, code: str = "code-of-reader", client: FlaskClient | None = None) -> Any:
        return (client or self.client).get(f"/sign-in/back/site?state={state}&code={code}")


@pytest.fixture
def world(settings: Settings) -> World:
    return World(settings)


def sessions() -> list[SignIn]:
    with reading():
        return list(SignIn.select())


def test_another_site_says_who_it_is(world: World) -> None:
    world.everybody = False
    assert '<a href="/sign-in/with/site">Site</a>' in world.client.get("/sign-in").text
    answer = world.back(world.leave())
    assert (answer.status_code, answer.location) == (303, "/account")
    assert world.client.get("/account").status_code == 200
    [asked] = world.site.asked
    assert asked.kept == {"nonce": "n-1"}
    assert asked.back == "http://127.0.0.1:8000/sign-in/back/site"
    assert [row.way for row in sessions()] == ["site"]


def test_where_to_go_afterwards_is_a_path_of_ours(world: World) -> None:
    world.everybody = False
    assert world.back(world.leave("//evil.example/")).location == "/"


def test_whom_the_other_site_does_not_know_reads_what_it_says(world: World) -> None:
    answer = world.back(world.leave(), code="of-nobody")
    assert answer.status_code == 401
    assert "The other site does not know you." in answer.text
    assert sessions() == []


@pytest.mark.parametrize("state", ["", "guessed", "%F0%9F%90%88"])
def test_an_answer_without_the_state_of_this_browser_is_not_looked_at(world: World, state: str) -> None:
    world.leave()
    answer = world.back(state)
    assert answer.status_code == 400
    assert "begun in another browser" in answer.text
    assert world.site.asked == []


def test_a_state_counts_once_in_its_browser_and_for_ten_minutes(world: World) -> None:
    world.everybody = False
    state = world.leave()
    assert world.back(state, client=world.app.test_client()).status_code == 400, "another browser"
    world.now = NOW + timedelta(minutes=11)
    assert world.back(state).status_code == 400, "too late"
    world.now = NOW
    state = world.leave()
    assert world.back(state).status_code == 303
    assert world.back(state).status_code == 400, "used"
    assert len(world.site.asked) == 1


def test_an_answer_that_was_never_asked_for_is_not_looked_at(world: World) -> None:
    assert world.back("").status_code == 400
    assert world.password().location == "/sign-in/factor"
    assert world.back("").status_code == 400, "a sign-in that is under way by password has no state"
    assert world.site.asked == []


def test_an_account_that_is_disabled_is_not_let_in_by_another_site(world: World) -> None:
    accounts.set_disabled(accounts.person_of(READER), True, now=NOW)
    assert world.back(world.leave()).status_code == 401
    assert sessions() == []


def test_answers_are_not_looked_at_without_end(world: World) -> None:
    statuses = [world.back(world.leave(), code="of-nobody").status_code for _ in range(33)]
    assert statuses == [401] * 31 + [429] * 2
    assert len(world.site.asked) == 31


def test_a_path_that_no_cookie_could_hold_is_not_gone_to(world: World) -> None:
    world.everybody = False
    assert world.back(world.leave("/account?" + "x" * 2000)).location == "/"


def test_where_every_way_leads_elsewhere_no_form_is_taken(world: World) -> None:
    fields = {"csrf_token": form_token(world.client), "email": READER, "password": PASSWORD}
    world.app.extensions["sentinel.ways"] = world.app.extensions["sentinel.ways"][1:]
    assert world.client.post("/sign-in", data=fields).status_code == 404


def test_there_is_no_other_site_behind_a_way_that_has_a_form(world: World) -> None:
    for path in ("with/password", "back/password?state=", "with/nothing", "back/nothing?state="):
        assert world.client.get(f"/sign-in/{path}").status_code == 404


def test_a_factor_comes_between_the_password_and_the_session(world: World) -> None:
    assert world.client.get("/sign-in/factor").location == "/sign-in", "nobody has been recognised yet"
    assert world.password().location == "/sign-in/factor"
    assert sessions() == []
    assert world.client.get("/account").status_code == 303, "half a sign-in lets nobody in"
    assert '<input name="code">' in world.client.get("/sign-in/factor").text
    wrong = world.code("000000")
    assert wrong.status_code == 401
    assert "was used before" in wrong.text
    answer = world.code("111111")
    assert (answer.status_code, answer.location) == (303, "/account")
    assert world.client.get("/account").status_code == 200
    with reading():
        told = [(row.action, row.outcome, row.details) for row in AuditRow.select().order_by(AuditRow.id)]
    assert ("session.refused", "refused", {"way": "password", "factor": "codes"}) in told
    assert any(action == "session.started" and more.get("factors") == ["codes"] for action, _, more in told)


def test_a_factor_is_asked_for_after_another_site_too(world: World) -> None:
    assert world.back(world.leave()).location == "/sign-in/factor"
    assert world.code("111111").location == "/account"
    assert [row.way for row in sessions()] == ["site"]


def test_a_code_without_a_password_is_not_looked_at(world: World) -> None:
    assert world.code("111111").status_code == 400
    assert world.codes.asked == 0


def test_guessing_codes_gets_slower_however_often_the_password_is_right(world: World) -> None:
    statuses = []
    for _ in range(8):
        world.password()
        statuses.append(world.code("000000").status_code)
    assert statuses == [401] * 6 + [429] * 2
    assert world.codes.asked == 6
    assert int(world.code("111111").headers["Retry-After"]) > 0
    assert world.codes.asked == 6, "while somebody has to wait, no code is looked at"


@pytest.mark.parametrize(
    "between", ["disabled", "another password", "a password of before", "during the factor", "eleven minutes"]
)
def test_what_changed_since_the_password_ends_it(world: World, between: str) -> None:
    world.password()
    later: datetime = NOW + timedelta(seconds=1)
    if between == "disabled":
        accounts.set_disabled(accounts.person_of(READER), True, now=later)
    elif between in ("another password", "a password of before"):
        # A host whose clock is behind changes it in what is the past here.
        moment = later if between == "another password" else NOW - timedelta(hours=1)
        accounts.set_password(accounts.person_of(READER), "another long enough password", now=moment)
    elif between == "during the factor":
        passes = world.codes.passes

        def slowly(person: Person, asked: Asked) -> bool:
            accounts.set_password(person, "another long enough password", now=later)
            return passes(person, asked)

        world.app.extensions["sentinel.factors"] = (
            Factor("codes", "test/codes.html", lambda person, way: True, slowly),
        )
    else:
        world.now = NOW + timedelta(minutes=11)
    assert world.code("111111").status_code == 400
    assert world.codes.asked == (between == "during the factor")
    assert sessions() == []


def test_what_the_browser_keeps_cannot_be_changed_there(world: World) -> None:
    world.password()
    cookie = world.client.get_cookie("sentinel-form")
    assert cookie is not None
    whole = cookie.value
    own = world.app.test_client()
    own.set_cookie("sentinel-form", whole)
    assert own.get("/sign-in/factor").status_code == 200
    for place in range(0, len(whole) - 1, 7):
        forged = whole[:place] + ("A" if whole[place] != "A" else "B") + whole[place + 1 :]
        client = world.app.test_client()
        client.set_cookie("sentinel-form", forged)
        assert client.get("/sign-in/factor").location == "/sign-in"
