"""Returns and exchanges: the form's checks, and booking."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.desk import TASK_SLOTS, Desk, Domain, Event, button, clear, put
from actions.order_forms import OrderForm, Slots, end_form, refused
from shop import returns
from shop.catalogue import availability, find_products, read_category, read_color, read_size
from shop.database import once, reading
from shop.identity import find_order
from shop.labels import (
    EXCHANGE_FOR,
    NEW_ONE,
    REASON_WORDS,
    REASONS,
    RESOLUTION_WORDS,
    RESOLUTIONS,
    SIZE,
    day,
    label,
    match_words,
    money,
    pick,
    read_place,
)
from shop.models import Order, OrderLine
from shop.orders import NotAllowed, orders_of
from shop.policy import DAMAGE_REPORT_DAYS, EXCHANGE_DISPATCH_DAYS, REFUND_DAYS, RETURN_DAYS
from shop.views import line_title

# Longer texts tell a story, in which a kind of goods or a colour proves nothing.
SHORT = 24
MANY = 50
_SIZE = re.compile(r"(?<![\w'’,.])(?:XS|S|M|L|XL|XXL|\d{2})(?![A-Za-z0-9])")


def pick_line(order: Order, text: str | None) -> OrderLine | None:
    """The line of an order that a text means: a SKU, a position, or the likest name."""
    if text is None:
        return None
    wanted = text.strip()
    for position, line in enumerate(order.lines, start=1):
        if wanted.upper() == line.sku or wanted == str(position):
            return line
    by_product = {line.variant.product_id: line for line in reversed(order.lines)}
    for match in find_products(wanted, limit=30):
        if match.item.id in by_product:
            return by_product[match.item.id]
    if len(wanted) > SHORT:
        return None
    place = read_place(wanted)
    if place is not None:
        return order.lines[place] if place < len(order.lines) else None
    return _line_of_kind(order, wanted)


def _line_of_kind(order: Order, text: str) -> OrderLine | None:
    """The only line of the kind of goods, or the colour, that a few words name."""
    category, color = read_category(text), read_color(text)
    lines = [line for line in order.lines if line.variant.product.category == category]
    lines = lines or [line for line in order.lines if color and line.variant.color == color]
    return lines[0] if len(lines) == 1 else None


def orders_with(session: Session, desk: Desk, piece: str | None = None) -> list[Order]:
    """The customer's orders that hold a piece; if some of it may still go back, only those.

    Args:
        piece: in the shopper's words; None asks for any.
    """
    mine = orders_of(session, str(desk.shopper.customer_id), limit=MANY)
    holding = [(order, pick_line(order, piece)) for order in mine] if piece else []
    found = [order for order, line in holding if line is not None] if piece else mine
    lines = {order.number: line for order, line in holding}
    possible = [order for order in found if _may_go_back(order, lines.get(order.number), desk.now)]
    return possible or (found if piece else [])


def _may_go_back(order: Order, line: OrderLine | None, now: int) -> bool:
    if line is not None:
        return returns.check_line(order, line, "damaged", now).allowed
    return returns.check_order(order, now).allowed


def only_order_with(desk: Desk, piece: str | None = None) -> str | None:
    """The number of the only such order."""
    with reading() as session:
        found = orders_with(session, desk, piece)
        return str(found[0].number) if len(found) == 1 else None


class ValidateReturnForm(OrderForm):
    """Which piece, why, and what instead; refuses with the reason as soon as it is known."""

    def name(self) -> str:
        return "validate_return_form"

    def adapt(self, slots: list[str], tracker: Tracker) -> list[str]:
        exchange = tracker.get_slot("resolution") == "exchange"
        return [slot for slot in slots if exchange or slot != "exchange_size"]

    def only_order(self, desk: Desk) -> str | None:
        return only_order_with(desk, desk.tracker.get_slot("return_item"))

    def order_named(self, desk: Desk, text: str) -> str | None:
        named = [*desk.entities("product"), *desk.entities("category")]
        if desk.shopper.is_guest or (not named and (desk.entities("reason") or desk.entities("resolution"))):
            return None
        return only_order_with(desk, named[-1] if named else text) if named or len(text) <= SHORT else None

    def own(self, desk: Desk, order_id: str) -> Slots:
        # An order talked about before is not meant if the piece is in another.
        piece = desk.tracker.get_slot("return_item")
        if piece and not desk.entities("order_id") and desk.before("order_id") == order_id:
            order_id = only_order_with(desk, piece) or order_id
        return super().own(desk, order_id)

    def check(self, desk: Desk, order: Order) -> Slots:
        verdict = returns.check_order(order, desk.now)
        if not verdict.allowed:
            _refuse(desk, order, verdict)
            return {"form_outcome": "refused"}
        wished = desk.tracker.get_slot("return_item")
        line = order.lines[0] if len(order.lines) == 1 else pick_line(order, wished)
        if line is None:
            return {"form_outcome": None, "return_item": None}
        return {"return_item": line.sku, **self._check_line(desk, order, line)}

    def validate_return_item(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        if refused(tracker):
            return {"return_item": str(value)}
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            if order is None:
                # Kept as said; the order's check finds the line once the order is known.
                return {"return_item": str(value)}
            line = pick_line(order, str(value))
            if line is None:
                # The order's number again is no piece, but nothing wrong either; nor is what will be asked later.
                if desk.form_order not in str(value) and not _says_something_else(desk):
                    desk.say("utter_item_not_in_order", order_id=str(order.number))
                return {"return_item": None}
            return {"return_item": line.sku, **self._check_line(desk, order, line)}

    def validate_return_reason(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        reason = match_words(REASON_WORDS, str(value)) or "other"
        if refused(tracker):
            return {"return_reason": reason}
        if reason == "other" and desk.entities("size") and not desk.entities("reason"):
            return {"return_reason": None}
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            line = pick_line(order, tracker.get_slot("return_item")) if order else None
            if order is None or line is None:
                return {"return_reason": reason}
            return {"return_reason": reason, **self._check_line(desk, order, line, reason)}

    def validate_resolution(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        resolution = match_words(RESOLUTION_WORDS, str(value))
        desk = Desk(tracker, dispatcher)
        if resolution is None:
            if tracker.get_slot("requested_slot") == "resolution":
                desk.say("utter_resolution_form")
            return {"resolution": None}
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            line = pick_line(order, tracker.get_slot("return_item")) if order else None
            if line is not None:
                problem = returns.check_resolution(line, str(tracker.get_slot("return_reason")), resolution)
                if problem:
                    desk.say(f"utter_{problem}")
                    return {"resolution": None}
                if resolution == "exchange" and not _has_sizes(line):
                    return {"resolution": resolution, "exchange_size": line.variant.size}
        return {"resolution": resolution}

    def validate_exchange_size(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        if refused(tracker) or tracker.get_slot("resolution") not in (None, "exchange"):
            return {"exchange_size": None}
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            line = pick_line(order, tracker.get_slot("return_item")) if order else None
            if line is None:
                return {"exchange_size": str(value)}
            size = _size_of(line, str(value))
            if size is None or returns.exchange_variant(session, line, size) is None:
                sizes = availability(line.variant.product_id, line.variant.color).sizes
                sold_out = "utter_exchange_sold_out" if sizes else "utter_exchange_all_sold_out"
                desk.say(sold_out, size=size or str(value)[:20], sizes=", ".join(sizes))
                return {"exchange_size": None} if sizes else {"exchange_size": None, "resolution": None}
            return {"exchange_size": size}

    def validate_confirm(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        """ "OK, 42 then" is no yes to size 43."""
        named = _SIZE.search(Desk(tracker, dispatcher).text)
        size = tracker.get_slot("exchange_size")
        if size and named and named.group() != size:
            return {
                "confirm": None,
                **self.validate_exchange_size(named.group(), dispatcher, tracker, domain),
            }
        return super().validate_confirm(value, dispatcher, tracker, domain)

    def _check_line(self, desk: Desk, order: Order, line: OrderLine, reason: str | None = None) -> Slots:
        said = reason or desk.tracker.get_slot("return_reason")
        # Without a reason only what no reason could lift is refused.
        verdict = returns.check_line(order, line, str(said) if said else "damaged", desk.now)
        if verdict.allowed:
            return {"form_outcome": None}
        _refuse(desk, order, verdict)
        return {"form_outcome": "refused"}


def _says_something_else(desk: Desk) -> bool:
    """Whether the message names a size, a reason or what is wanted instead, and no piece."""
    pieces = any(desk.entities(name) for name in ("product", "category", "color"))
    return not pieces and any(desk.entities(name) for name in ("size", "reason", "resolution", "date"))


def _has_sizes(line: OrderLine) -> bool:
    return len({variant.size for variant in line.variant.product.variants}) > 1


def _size_of(line: OrderLine, text: str) -> str | None:
    sizes = {variant.size.lower(): variant.size for variant in line.variant.product.variants}
    read = read_size(text)
    return sizes.get(text.strip().lower()) or (sizes.get(read.lower()) if read else None)


def _refuse(desk: Desk, order: Order, verdict: returns.Eligibility) -> None:
    desk.say(
        f"utter_return_refused_{verdict.code}",
        order_id=str(order.number),
        until=day(verdict.until, desk.language),
        return_days=RETURN_DAYS,
        report_days=DAMAGE_REPORT_DAYS,
    )


class ActionAskReturnItem(Action):
    """Which piece of the order?"""

    def name(self) -> str:
        return "action_ask_return_form_return_item"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            if order is None:
                return end_form()
            buttons = [
                button(line_title(line, desk.language), f'/inform{{"product": "{line.sku}"}}')
                for line in order.lines
            ]
            desk.say("utter_ask_return_item", order_id=str(order.number), buttons=buttons)
        return []


class ActionAskExchangeSize(Action):
    """Which size instead, of those on the shelf?"""

    def name(self) -> str:
        return "action_ask_return_form_exchange_size"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            line = pick_line(order, tracker.get_slot("return_item")) if order else None
            if line is None:
                return end_form()
            sizes = availability(line.variant.product_id, line.variant.color).sizes
            buttons = [button(size, f'/inform{{"size": "{size}"}}') for size in sizes]
            desk.say("utter_ask_exchange_size", title=line_title(line, desk.language), buttons=buttons)
        return []


class ActionAskReturnConfirm(Action):
    """Say what will be booked before it is."""

    def name(self) -> str:
        return "action_ask_return_form_confirm"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        language = desk.language
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            line = pick_line(order, tracker.get_slot("return_item")) if order else None
            if order is None or line is None:
                return end_form()
            desk.say(
                "utter_ask_return_confirm",
                order_id=str(order.number),
                title=line_title(line, language),
                reason_label=label(REASONS, str(tracker.get_slot("return_reason")), language),
                resolution_label=_instead(tracker, line, language),
            )
        return []


def _instead(tracker: Tracker, line: OrderLine, language: str) -> str:
    """What the shopper gets, with the size of an exchange."""
    resolution, size = str(tracker.get_slot("resolution")), tracker.get_slot("exchange_size")
    if resolution == "exchange" and size and _has_sizes(line):
        return pick(EXCHANGE_FOR, language).format(size=size)
    return label(RESOLUTIONS, resolution, language)


class ActionSubmitReturn(Action):
    """Book the return, once."""

    def name(self) -> str:
        return "action_submit_return"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        done = [*clear(*TASK_SLOTS), put("last_task", "return_form")]
        if refused(tracker):
            return done
        if tracker.get_slot("confirm") is not True:
            desk.say("utter_return_dropped")
            return done
        result = once(desk.key and f"{desk.key}:return:{desk.form_order}", _booking(desk))
        if result["code"] != "return_booked":
            desk.say(
                f"utter_{result['code']}",
                order_id=desk.form_order,
                return_days=RETURN_DAYS,
                report_days=DAMAGE_REPORT_DAYS,
                until=day(result.get("until"), desk.language),
                size=str(tracker.get_slot("exchange_size") or "-"),
                sizes="-",
            )
            return done
        desk.say(
            f"utter_return_booked_{result['resolution']}",
            return_number=f"R{result['number']}",
            order_id=str(result["order_number"]),
            title=result["title_zh"] if desk.language == "zh" else result["title_en"],
            amount=money(result["amount_cents"]),
            piece=pick(SIZE if result["size"] != "one size" else NEW_ONE, desk.language).format(
                size=result["size"]
            ),
            refund_days=REFUND_DAYS,
            dispatch_days=EXCHANGE_DISPATCH_DAYS,
        )
        return done


def _booking(desk: Desk) -> Any:
    tracker, order_id, shopper, verifier, now = (
        desk.tracker,
        desk.form_order,
        desk.shopper,
        desk.verifier,
        desk.now,
    )
    reason, resolution = str(tracker.get_slot("return_reason")), str(tracker.get_slot("resolution"))
    size, item = tracker.get_slot("exchange_size"), tracker.get_slot("return_item")

    def change(session: Session) -> dict[str, Any]:
        order = find_order(session, shopper, order_id, verifier)
        line = pick_line(order, item) if order else None
        if order is None or line is None:
            return {"code": "order_not_found"}
        try:
            plan = returns.request_return(session, order, line, reason, resolution, now, size)
        except NotAllowed as problem:
            verdict = returns.check_line(order, line, reason, now)
            if not verdict.allowed:
                return {"code": f"return_refused_{problem.code}", "until": verdict.until}
            return {"code": "exchange_all_sold_out" if problem.code == "sold_out" else problem.code}
        return {"code": "return_booked", "size": size or line.variant.size, **asdict(plan)}

    return change
