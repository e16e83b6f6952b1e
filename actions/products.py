"""Products: price, stock, attributes, comparing, recommending."""

from __future__ import annotations

import re

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import Desk, Domain, Event, button, put
from actions.faq import ActionFaq
from actions.wishes import Answer
from shop import knowledge
from shop.catalogue import (
    Item,
    Wish,
    attribute_of,
    availability,
    find_products,
    get_item,
    read_attribute,
    read_budget,
    read_category,
    read_color,
    read_size,
    search,
    the_product,
    wish_tags,
    with_stock,
)
from shop.labels import ATTRIBUTES, CATEGORIES, COLORS, day, label, money, read_place, size_label
from shop.recommendations import best_rated, for_customer, for_wishes, similar
from shop.views import comparison, product_cards

# Longer texts say more than which of the shown products is meant.
SHORT = 24
_CHEAPER = re.compile(r"\b(?:cheaper|less expensive)\b|便宜", re.IGNORECASE)
ASPECTS = {"product_price": "price", "product_stock": "stock", "product_attribute": "attribute"}


class ActionProductInfo(Answer):
    """Price, stock or an attribute of one product."""

    intents = (
        "product_price",
        "product_stock",
        "product_attribute",
    )

    def name(self) -> str:
        return "action_product_info"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        named = "attribute" if desk.entities("attribute") else tracker.get_slot("aspect")
        aspect = ASPECTS.get(desk.intent or "") or named or "attribute"
        memory = [put("aspect", aspect), put("last_task", self.name())]
        name = _meant(desk)
        if not name:
            return await self._without_name(desk, domain, memory)
        item = the_product(str(name)) or self._by_whole_text(desk)
        if item is None:
            return [*memory, *_offer_choice(desk, str(name), aspect)]
        {"price": self._price, "stock": self._stock}.get(aspect, self._attribute)(desk, item)
        shown = tracker.get_slot("shown_products")
        # Of a list that was shown, others may be asked about next: "and the second one?"
        listed = shown if isinstance(shown, list) and item.id in shown else [item.id]
        return [*memory, put("product", item.id), put("shown_products", listed)]

    async def _without_name(self, desk: Desk, domain: Domain, memory: list[Event]) -> list[Event]:
        """No product is named: a wish narrowed down, a question about the shop, or one of what was shown."""
        tracker, dispatcher = desk.tracker, desk.dispatcher
        if tracker.get_slot("last_task") == "action_recommend" and (
            desk.entities("color") or desk.entities("size")
        ):
            return await ActionRecommend().answer(dispatcher, tracker, domain)
        if desk.question and knowledge.answer(desk.question, desk.language):
            return await ActionFaq().answer(dispatcher, tracker, domain)
        shown = tracker.get_slot("shown_products")
        items = [item for item in map(get_item, shown if isinstance(shown, list) else []) if item is not None]
        if items:
            _ask_which(desk, items, str(memory[0]["value"]))
        else:
            desk.say("utter_which_product")
        return memory

    def _by_whole_text(self, desk: Desk) -> Item | None:
        # The entity may hold less than the name the shopper wrote.
        return the_product(desk.question) if desk.entities("product") else None

    def _price(self, desk: Desk, item: Item) -> None:
        card = product_cards([item], desk.language)
        desk.say("utter_product_price", card, title=item.title(desk.language), amount=money(item.price_cents))

    def _stock(self, desk: Desk, item: Item) -> None:
        language = desk.language
        if self._never_so(desk, item):
            return
        color, size = _color_and_size(desk, item)
        there = availability(item.id, color, size)
        code = (
            "yes" if there.on_hand > 5 else "few" if there.on_hand else "later" if there.restock_at else "no"
        )
        joint = "、" if language == "zh" else ", "
        shown = [item] if there.on_hand else [item, *similar(item)]
        parts = [part for part in (color and label(COLORS, color, language), size) if part]
        desk.say(
            f"utter_product_stock_{code}",
            product_cards(shown, language),
            title=joint.join([item.title(language), *parts]),
            count=there.on_hand,
            sizes=joint.join(size_label(size, language) for size in there.sizes) or "-",
            colors=joint.join(label(COLORS, found, language) for found in there.colors) or "-",
            restock=day(there.restock_at, language),
        )

    def _never_so(self, desk: Desk, item: Item) -> bool:
        """Say so if the product is not made in a colour or size that the message names."""
        language, joint = desk.language, "、" if desk.language == "zh" else ", "
        color, size = (values[-1] if values else None for values in map(desk.entities, ("color", "size")))
        read = read_color(color) if color else None
        wished = [label(COLORS, read, language)] if read and read not in item.colors else []
        wished += [size] if size and (read_size(size) or item.sizes[0]) not in item.sizes else []
        if wished:
            desk.say(
                "utter_product_never_so",
                product_cards([item], language),
                title=item.title(language),
                wished=joint.join(wished),
                sizes=joint.join(size_label(size, language) for size in item.sizes),
                colors=joint.join(label(COLORS, color, language) for color in item.colors),
            )
        return bool(wished)

    def _attribute(self, desk: Desk, item: Item) -> None:
        language = desk.language
        attribute = next(
            (found for found in map(read_attribute, [*desk.entities("attribute"), desk.question]) if found),
            None,
        )
        if attribute is None and desk.intent != "product_attribute":
            attribute = read_attribute(desk.tracker.get_slot("attribute"))
        card = product_cards([item], language)
        if attribute is None:
            desk.say(
                "utter_product_no_figure" if desk.entities("attribute") else "utter_product_about",
                card,
                title=item.title(language),
                description=item.description(language),
            )
            return
        desk.say(
            "utter_product_attribute",
            card,
            title=item.title(language),
            attribute_label=label(ATTRIBUTES, attribute, language),
            value=attribute_of(item, attribute, language),
        )


def _meant(desk: Desk) -> str | None:
    """The product named, else the one talked about, else the kind of goods named."""
    named = desk.entities("product")
    if named:
        return named[-1]
    item = shown_item(desk)
    if item is not None:
        return item.id
    name = desk.tracker.get_slot("product") or _only_shown(desk.tracker)
    kinds = desk.entities("category")
    talked_about = the_product(str(name)) if name else None
    if kinds and (talked_about is None or _is_other(kinds[-1], talked_about)):
        return kinds[-1]
    return str(name) if name else None


def shown_item(desk: Desk) -> Item | None:
    """The one of the products last shown that the message means by its place or a word of its name."""
    shown = desk.tracker.get_slot("shown_products")
    items = [item for item in map(get_item, shown if isinstance(shown, list) else []) if item is not None]
    place = read_place(desk.text)
    if place is not None and place < len(items):
        return items[place]
    if desk.text.startswith("/") or len(desk.text) > SHORT or desk.entities("category"):
        return None
    shared = [_shared(item, desk.text) for item in items]
    best = [item for item, count in zip(items, shared, strict=True) if count and count == max(shared)]
    return best[0] if len(best) == 1 else None


def _shared(item: Item, text: str) -> int:
    """How many words of a product's English title, or pairs of characters of its Chinese one, a text has."""
    said = set(re.findall(r"[a-z]{3,}", text.lower()))
    pairs = {item.title_zh[at : at + 2] for at in range(len(item.title_zh) - 1)}
    return len(said & set(item.title_en.lower().split())) + sum(pair in text for pair in pairs)


def _is_other(kind: str, talked_about: Item) -> bool:
    """Whether a kind of goods is not the product talked about: another category, or a name of its own like "wool coat"."""
    if read_category(kind) not in (None, talked_about.category):
        return True
    match = the_product(kind)
    return match is not None and match.id != talked_about.id


def _only_shown(tracker: Tracker) -> str | None:
    shown = tracker.get_slot("shown_products")
    return str(shown[0]) if isinstance(shown, list) and len(shown) == 1 else None


def _color_and_size(desk: Desk, item: Item) -> tuple[str | None, str | None]:
    """From this message; from memory only while the talk is about the same product."""
    remembered = not desk.entities("product")
    colors = desk.entities("color") or ([desk.tracker.get_slot("color")] if remembered else [])
    sizes = desk.entities("size") or ([desk.tracker.get_slot("size")] if remembered else [])
    color = read_color(colors[-1]) if colors else None
    size = read_size(sizes[-1]) if sizes else None
    return (color if color in item.colors else None), (size if size in item.sizes else None)


def _offer_choice(desk: Desk, name: str, aspect: str) -> list[Event]:
    """Several products fit the name, or none does."""
    found = with_stock([match.item for match in find_products(name, limit=4)])
    category = read_category(name)
    if not found and category:
        found = search(Wish(text=name, category=category), limit=4)
    if not found:
        desk.say("utter_product_unknown", name=name[:60])
        return [put("product", None)]
    _ask_which(desk, found, aspect)
    return [put("product", None), put("shown_products", [item.id for item in found])]


def _ask_which(desk: Desk, items: list[Item], aspect: str) -> None:
    """Let the shopper choose the product that the question is about."""
    intent = next(key for key, value in ASPECTS.items() if value == aspect)
    language = desk.language
    buttons = [button(item.title(language), f'/{intent}{{"product": "{item.id}"}}') for item in items]
    desk.say("utter_choose_product", product_cards(items, language), buttons=buttons)


class ActionCompareProducts(Answer):
    """Two products side by side."""

    intents = ("compare_products",)

    def name(self) -> str:
        return "action_compare_products"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        memory = [put("last_task", self.name())]
        items = self._items(desk)
        if len(items) < 2:
            desk.say("utter_compare_needs_two", name=items[0].title(desk.language) if items else "-")
            return memory
        language = desk.language
        first, second = items[:2]
        cheaper, dearer = sorted((first, second), key=lambda item: item.price_cents)
        desk.say(
            "utter_comparison",
            comparison([first, second], language),
            first=first.title(language),
            second=second.title(language),
            first_price=money(first.price_cents),
            second_price=money(second.price_cents),
            cheaper=cheaper.title(language),
            difference=money(dearer.price_cents - cheaper.price_cents),
            first_weight=attribute_of(first, "weight", language),
            second_weight=attribute_of(second, "weight", language),
            first_material=attribute_of(first, "material", language),
            second_material=attribute_of(second, "material", language),
        )
        return [*memory, put("shown_products", [first.id, second.id])]

    def _items(self, desk: Desk) -> list[Item]:
        shown = desk.tracker.get_slot("shown_products")
        remembered = [desk.tracker.get_slot("product"), *(shown if isinstance(shown, list) else [])]
        found: dict[str, Item] = {}
        named = [*desk.entities("product"), *desk.entities("category")]
        for name in [*named, *(str(name) for name in remembered if name)]:
            matches = find_products(name, limit=3)
            # Two names may be near the same family: take the best not taken yet.
            best = next((match.item for match in matches if match.item.id not in found), None)
            exact = get_item(name) if name[:1] == "P" and name[1:4].isdigit() else None
            if exact is not None:
                found.setdefault(exact.id, exact)
            elif best is not None:
                found[best.id] = best
        return with_stock(list(found.values())[:2])


class ActionRecommend(Answer):
    """Products for stated wishes."""

    intents = ("recommend_product",)

    def name(self) -> str:
        return "action_recommend"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        memory = [put("last_task", self.name())]
        if desk.info("price"):
            memory.append(put("budget", desk.info("price")))
        wish = self._wish(desk)
        if wish.category and not desk.entities("category"):
            memory.append(put("category", wish.category))
        if wish == Wish(text=wish.text) and not wish_tags(wish.text):
            desk.say("utter_ask_wishes")
            return memory
        language = desk.language
        found = for_wishes(wish)
        if not found:
            desk.say("utter_recommend_nothing")
            return memory
        exact = wish.max_cents is None or all(item.price_cents <= wish.max_cents for item in found)
        desk.say(
            "utter_recommend" if exact else "utter_recommend_near",
            product_cards(found, language),
            names=("、" if language == "zh" else ", ").join(
                f"{x.title(language)} ({money(x.price_cents)})" for x in found
            ),
            category=label(CATEGORIES, wish.category, language) if wish.category else "",
        )
        return [*memory, put("shown_products", [item.id for item in found])]

    def _wish(self, desk: Desk) -> Wish:
        tracker = desk.tracker
        text = desk.question
        # A new wish stands alone; a bare answer, a correction or "something in green?" narrows the last one.
        named = [*desk.entities("category"), *desk.entities("product"), *wish_tags(text)]
        adds = any(desk.entities(name) for name in ("color", "size", "price"))
        narrows = adds and not named and tracker.get_slot("last_task") == self.name()
        fresh = desk.intent == "recommend_product" and not (narrows and not read_category(text))
        before = "" if fresh else _wish_before(tracker)
        said = {
            name: (desk.entities(name) or ([] if fresh else [tracker.get_slot(slot)]))
            for name, slot in (
                ("category", "category"),
                ("color", "color"),
                ("size", "size"),
                ("price", "budget"),
            )
        }
        last = {name: str(values[-1]) if values and values[-1] else None for name, values in said.items()}
        least, most = read_budget(desk.info("price") or (said["price"] or [None])[-1])
        if _CHEAPER.search(text) and not desk.entities("price"):
            least, most = None, _cheapest_shown(tracker) or most
        product = desk.entities("product")
        category = (
            read_category(last["category"])
            or read_category(product[-1] if product else None)
            or read_category(text)
        )
        return Wish(
            text=" ".join([before, text, *product]).strip(),
            category=category,
            color=read_color(last["color"]),
            size=read_size(last["size"]),
            min_cents=least,
            max_cents=most,
        )


def _cheapest_shown(tracker: Tracker) -> int | None:
    """One cent less than the cheapest of what was shown last."""
    shown = tracker.get_slot("shown_products")
    items = [item for item in map(get_item, shown if isinstance(shown, list) else []) if item is not None]
    return min(item.price_cents for item in items) - 1 if items else None


def _wish_before(tracker: Tracker) -> str:
    """The last message but this that stated a wish."""
    said = [event for event in tracker.events if event.get("event") == "user"][:-1]
    wished = (e for e in reversed(said) if _intent_of(e) == "recommend_product")
    return next((str(event["text"]) for event in wished if not str(event["text"]).startswith("/")), "")


def _intent_of(event: Event) -> str | None:
    return ((event.get("parse_data") or {}).get("intent") or {}).get("name")


class ActionRecommendForMe(Answer):
    """Products that go with past purchases."""

    intents = ("recommend_for_me",)

    def name(self) -> str:
        return "action_recommend_for_me"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        language = desk.language
        customer = desk.shopper.customer_id
        found, owned = for_customer(customer) if customer else ([], [])
        response = "utter_recommend_for_me"
        if not found or not owned:
            found = best_rated()
            response = "utter_recommend_best_rated" if customer else "utter_recommend_best_rated_guest"
        desk.say(
            response,
            product_cards(found, language),
            names=("、" if language == "zh" else ", ").join(
                f"{x.title(language)} ({money(x.price_cents)})" for x in found
            ),
            because=owned[0].title(language) if owned else "",
        )
        return [put("last_task", self.name()), put("shown_products", [item.id for item in found])]
