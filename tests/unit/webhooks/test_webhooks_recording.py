"""Several deliveries in one transaction, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from reconciler.db import session
from reconciler.db.intake import Receipt
from reconciler.db.models import Event, Work
from reconciler.settings import Settings
from webhooks.asking import Asked, Look, Rename
from webhooks.recording import Delivery, record

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SHOP, CART = Look("acme", "shop", "repository"), Look("acme", "cart", "repository")


def delivery(
    name: str, *looks: Look, renames: tuple[Rename, ...] = (), organization: str = "acme"
) -> Delivery:
    return Delivery(
        organization=organization,
        connection="origin",
        delivery=name,
        event="push",
        repository="acme/shop",
        place="forge/acme/shop",
        refs={"refs/heads/main": {"before": "", "after": "1" * 40}},
        body_sha256="0" * 64,
        received_at=NOW,
        asked=Asked(looks, renames=renames),
    )


def wanted() -> dict[str, int]:
    with session.reading():
        return {work.project: work.wanted for work in Work.select()}


def test_each_gets_its_own_receipt_and_a_look_is_asked_for_once(database: Settings) -> None:
    first, second, third = record([delivery("a", SHOP), delivery("b", SHOP, CART), delivery("c")])
    assert [first.new, second.new, third.new] == [True, True, True]
    assert first.receipt < second.receipt < third.receipt, "numbers rise as deliveries came"
    assert wanted() == {"shop": 1, "cart": 1}
    with session.reading():
        kept = {row.id: (row.delivery, row.refs, row.received_at) for row in Receipt.select()}
    assert kept == {
        number: (name, {"refs/heads/main": {"before": "", "after": "1" * 40}}, NOW)
        for number, name in ((first.receipt, "a"), (second.receipt, "b"), (third.receipt, "c"))
    }


def test_one_that_came_before_gives_its_receipt_and_asks_for_nothing(database: Settings) -> None:
    (before,) = record([delivery("a", SHOP)])
    again, new = record([delivery("a", SHOP), delivery("b", CART)])
    assert again == (before.receipt, False)
    assert new.new
    assert new.receipt != before.receipt
    assert wanted() == {"shop": 1, "cart": 1}


def test_the_second_of_two_at_the_same_moment_is_the_duplicate(database: Settings) -> None:
    first, second = record([delivery("a", SHOP), delivery("a", CART)])
    assert first.new
    assert second == (first.receipt, False)
    assert wanted() == {"shop": 1}


def test_an_id_is_one_within_its_organization_alone(database: Settings) -> None:
    mine, theirs = record([delivery("a"), delivery("a", organization="other")])
    assert mine.new
    assert theirs.new
    assert mine.receipt != theirs.receipt


def test_a_rename_is_told_once(database: Settings) -> None:
    renamed = delivery("a", renames=(Rename("acme", "shop", "acme/shop", "acme/store"),))
    record([renamed, renamed])
    record([renamed])
    with session.reading():
        (event,) = Event.select()
    assert (event.project, event.subject) == ("shop", "acme/store")
    assert event.details == {"before": "acme/shop", "now": "acme/store"}
    assert event.at - NOW < timedelta(seconds=1)


def test_receivers_that_ask_for_the_same_in_another_order_do_not_wait_for_each_other(
    database: Settings,
) -> None:
    def one(number: int) -> None:
        looks = [Look("acme", f"p{place}", "repository") for place in range(5)]
        record(
            [delivery(f"{number}-{place}", look) for place, look in enumerate(looks[:: 1 - 2 * (number % 2)])]
        )
        session.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(60)))
    assert len(wanted()) == 5
