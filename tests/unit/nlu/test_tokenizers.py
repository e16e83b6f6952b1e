"""Where words begin and end."""

from __future__ import annotations

import pytest

from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.message import Message
from shoptalk.nlu.tokenizers.base import split_label
from shoptalk.nlu.tokenizers.jieba import JiebaTokenizer
from shoptalk.nlu.tokenizers.multilingual import MultilingualTokenizer
from shoptalk.nlu.tokenizers.whitespace import WhitespaceTokenizer

RASA = {
    "Hello, world!": "Hello|world",
    "don't stop": "don|t|stop",
    "it's 5:30 p.m. today": "it|s|5:30|p.m|today",
    "hi 👍 there": "hi|there",
    "👍": "👍",
    "email me@x.com, now": "email|me@x.com|now",
    "see https://a.b/c?d=e&f=1 ok": "see|https://a.b/c?d=e&f=1|ok",
    "10,000 dollars": "10,000|dollars",
    "50% off": "50|off",
    "#tag @me a_b": "#tag|@me|a_b",
    "(parens) [br] {x}": "parens|br|x",
    "foo...bar": "foo...bar",
    "a-b c/d": "a-b|c/d",
    "$5.99!": "$5.99",
    "...": "...",
    "Wi-Fi.": "Wi-Fi",
    "what?why": "what?why",
    "शुभ संध्या!": "शुभ|संध्या",
    "مرحبًا كيف": "مرحبًا|كيف",
}


def words(tokenizer: object, text: str) -> list[str]:
    message = Message(text)
    tokenizer.process([message])
    assert message.output["text_tokens"] == [[t.start, t.end] for t in message.tokens]
    assert all(text[t.start : t.end] == t.text for t in message.tokens)
    return [t.text for t in message.tokens]


@pytest.mark.parametrize(("text", "expected"), RASA.items())
def test_whitespace_cuts_as_rasa(text: str, expected: str) -> None:
    assert words(WhitespaceTokenizer({}), text) == expected.split("|")


def test_token_pattern_cuts_further() -> None:
    tokenizer = WhitespaceTokenizer({"token_pattern": "[a-z]+|[0-9]+"})
    assert words(tokenizer, "order10234 now ÄÖ") == ["order", "10234", "now", "ÄÖ"]


def test_labels_are_split_only_on_demand() -> None:
    options = WhitespaceTokenizer({"intent_tokenization_flag": True, "intent_split_symbol": "+"}).options
    assert split_label("greet+ask", options) == ["greet", "ask"]
    assert split_label("greet+ask", WhitespaceTokenizer({}).options) == ["greet+ask"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我的订单１０２３４到哪了？", "我|的|订|单|１０２３４|到|哪|了"),
        ("ＳＯ-10234 T恤 M码", "ＳＯ|10234|T|恤|M|码"),
        ("mail anna@example.com，谢谢", "mail|anna@example.com|谢|谢"),
        ("我是jiang.lan@example.com和10622", "我|是|jiang.lan@example.com|和|10622"),
        ("don't pay €12.50", "don't|pay|€|12.50"),
        ("don't ask what today's u. s. rate is.", "don't|ask|what|today|'s|u|.|s|.|rate|is"),
        ("Anna’s o’clock", "Anna|’s|o’clock"),
        ("ありがとう", "あ|り|が|と|う"),
        ("मेरा ऑर्डर 10234 कहाँ है?", "मेरा|ऑर्डर|10234|कहाँ|है"),
        ("مرحبًا، كيف حالكَ", "مرحبًا|كيف|حالكَ"),
        ("cafe\u0301 か\u3099 ক্ষ", "cafe\u0301|か\u3099|ক্ষ"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👍", "👍"),
    ],
)
def test_multilingual(text: str, expected: str) -> None:
    assert words(MultilingualTokenizer({}), text) == expected.split("|")


def test_multilingual_folds_lemmas_not_text() -> None:
    message = Message("ＳＯ１０")
    MultilingualTokenizer({}).process([message])
    assert [(t.text, t.lemma) for t in message.tokens] == [("ＳＯ", "so"), ("１０", "10")]


@pytest.mark.filterwarnings("ignore")
def test_jieba_knows_the_projects_words(tmp_path: object) -> None:
    (tmp_path / "shop.txt").write_text("灯织小铺 100 n\n", encoding="utf-8")
    tokenizer = JiebaTokenizer({"dictionary_path": str(tmp_path)})
    tokenizer.train(None, [])
    loaded = JiebaTokenizer.load({}, tokenizer.save())
    assert "灯织小铺" in words(loaded, "我在灯织小铺买了鞋")


SIMPLIFIED = ["我的订单到哪里了", "这件外套有货吗", "退货要多久", "运费是多少", "where is my order"]
TRADITIONAL = ["我的訂單到哪裡了", "這件外套有貨嗎", "退貨要多久", "運費是多少", "where is my order"]


def trained(texts: list[str], **config: object) -> MultilingualTokenizer:
    first = MultilingualTokenizer(dict(config))
    first.train(TrainingData(()), [Message(text) for text in texts])
    return MultilingualTokenizer.load(dict(config), first.save())


@pytest.mark.parametrize(
    ("home", "other"),
    [(SIMPLIFIED, TRADITIONAL), (TRADITIONAL, SIMPLIFIED)],
    ids=["simplified", "traditional"],
)
def test_chinese_is_read_in_the_script_of_the_examples(home: list[str], other: list[str]) -> None:
    tokenizer = trained(home)
    for there, here in zip(other, home, strict=True):
        message, known = Message(there), Message(here)
        tokenizer.process([message, known])
        assert message.text == known.text
        assert message.tokens == known.tokens
        assert message.output.get("read_as") == (None if there == here else known.text)
        assert "read_as" not in known.output


@pytest.mark.parametrize(
    ("texts", "config"),
    [
        (SIMPLIFIED + TRADITIONAL, {}),  # a project that writes both is left alone
        (["where is my order"], {}),
        (SIMPLIFIED, {"one_script": False}),
    ],
    ids=["both", "none", "switched off"],
)
def test_chinese_is_read_as_written(texts: list[str], config: dict[str, object]) -> None:
    message = Message("我的訂單到哪裡了，寄件裡")
    trained(texts, **config).process([message])
    assert message.text == "我的訂單到哪裡了，寄件裡"
    assert message.output.keys() == {"text_tokens"}
