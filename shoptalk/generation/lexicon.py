"""Words that commit a shop, in English and Chinese.

`BINDING` words speak of money, rights and things done for a customer: a sentence with one of them must be backed by
a passage. `TRADE` words speak of the shop's business: a statement with one must be backed, a question needs not.
`PROMISES` are phrases in which the speaker undertakes something: they must stand in a passage word for word.
"""

from __future__ import annotations

import re

BINDING_EN = """
    refund* reimburs* compensat* repay repaid rebate* discount* reduc* coupon* voucher* promo promos promotion* free gratis
    complimentary waiv* gift gifts bonus* reward* credit* guarant* warrant* promise* promising assure* assuring assurance
    entitl* eligib* liab* legal* law laws lawful court statute* statutory right rights obliged obligat* replac* cancel*
    arrive* arriving arrival ship shipped ships shipping shipment dispatch* deliver* receiv* cost costs costing fee fees
    charg* price prices priced pay pays paying payment* paid cash cashback money cheap* sale sales deal deals
    offer* approv* accept* confirm* insur* extend* extension upgrad* exception* policy policies permit* allow* stock
    available restock* point points expir* valid deadline exchang* return* repair* mend mended collect* customs tax taxes
    duty duties vat invoice* refuse* include* express standard within certainly definitely settle* damages owe owes owed
    savings bargain* raffle* prize* surcharge* postage
"""
TRADE_EN = """
    order orders ordered ordering product* parcel* package* size sizes account* store stores shop shops website checkout
    basket colour* color* purchas* courier* carrier* tracking newsletter* catalogue* assortment delivery return exchange
    payment* invoice* damage* damaging fault* report* claim* complain*
"""
BINDING_ZH = (
    "退|赔|补偿|补发|补差|补给|优惠|打折|折扣|特价|折|减免|减价|降价|免费|免运|免邮|包邮|免单|赠|送您|送你|送一|送出|奉送|券|红包|返现|返利|返还|"
    "积分|奖励|奖品|抽奖|中奖|礼品|礼物|好礼|保证|承诺|担保|一定会|一定能|必定|肯定会|肯定能|绝对|包您|包你|包退|包换|保修|质保|有权|权利|权益|法律|法规|"
    "依法|法院|起诉|责任|义务|换新|换货|更换|调换|取消|送达|送到|到货|寄|发货|发出|出库|运费|邮费|费用|收费|价格|售价|价钱|便宜|钱|付款|支付|扣款|"
    "到账|同意|批准|破例|特例|通融|延长|延期|升级|例外|政策|规定|库存|有货|补货|缺货|收到|获得|享受|享有|领取|有效|过期|截止|报销|发票|关税|"
    "税|维修|修理|保险|现金|余额|购物金|收货|赢得|便宜|省下|额外"
)
TRADE_ZH = "订单|商品|产品|包裹|快递|尺码|账户|账号|本店|我们店|物流|配送|购买|下单|网站|购物车|尺寸|颜色|退货|换货|发票|付款|支付|快递"


def _words(stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(stem.replace('*', '[a-z]*') for stem in stems.split())})\b")


_BINDING_EN, _TRADE_EN = _words(BINDING_EN), _words(TRADE_EN)
_BINDING_ZH, _TRADE_ZH = re.compile(BINDING_ZH), re.compile(TRADE_ZH)
_NOT_BINDING = re.compile(
    r"\b(?:feel free|free to ask|free time|right now|all right|alright|that's right|you're right|you are right|"
    r"right (?:words?|person|place)|cost(?:s)? nothing to ask|pay attention|accept my|i cannot accept|good point|my point|"
    r"points? out|of course|at any point|in stock of|price of fame|within reach|law of)\b"
)

_DOING_EN = (
    "refund|send|give|offer|issue|cancel|change|arrange|process|ship|contact|call|phone|e-?mail|write|forward|transfer|"
    "escalate|investigate|update|ensure|make|replace|credit|pay|waive|book|reserve|extend|upgrade|apply|add|grant|approve|"
    "compensate|reimburse|fix|resolve|solve|handle|take|get back|look into|check|deliver|dispatch|remove|delete|correct|"
    "return|exchange|reduce|lower|match|cover|confirm|promise|guarantee|assure|undertake|commit|connect|put|place|provide|"
    "complete|do (?:this|that|it|so|everything|whatever)|sort|see to|knock|throw|drop|halve|double|bring|cut|let you (?:keep|have)|honou?r|repay|file|open|submit|"
    "notify|inform|deduct|transfer|wire|mail|post|prioriti[sz]e|expedite|rush|track|find|locate|order|restock|set|treat"
)
_SPEAKER_EN = r"(?:i|we|our (?:team|shop|store|company|staff|manager|colleagues?|warehouse)|the (?:team|shop|store|company))"
_WILL_EN = (
    r"(?:'ll|'ve|'re|'m|'d| will| shall| have| has| had| am| are| is| can| could| would| might| may| must| do| did|"
    r" promise| guarantee| assure| undertake| agree| commit| intend| plan| want| need| just| already| now| hereby| gladly|"
    r" also| even| happily| personally| certainly| definitely| simply| immediately| going| able| happy| willing| about|"
    r" ready| to| be| been| of course| then)"
)
_PROMISES_EN = (
    rf"\b{_SPEAKER_EN}{_WILL_EN}+ (?:\w+ly )?(?:{_DOING_EN})(?:s|d|ed|ing)?\b",
    rf"\b{_SPEAKER_EN} (?:{_DOING_EN})(?:s|d|ed|ing)? (?:you|your|this|that|it|the|a|an|every|any)\b",
    rf"\blet me (?:\w+ )?(?:{_DOING_EN})\b",
    r"\byou(?:'ll| will| shall| are going to| can expect to| should) (?:\w+ )?"
    r"(?:get|receive|not (?:pay|have to|be \w+ed)|never (?:pay|have to)|have (?:it|your|the|this|that|them|until|up to|a (?:new|full))|"
    r"be (?:\w+ )?(?:\w+ed|able|given|paid|sent|fine|rid|reimbursed))\b",
    r"\b(?:it|they|everything|your \w+|(?:the|this|that) (?:\w+ )?(?:order|parcel|package|money|refund|item|product|piece|amount|"
    r"problem|issue|matter|team|colleague|manager|replacement|credit|voucher))(?:'ll| will| shall| is going to| are going to) "
    r"(?:\w+ )?(?:arrive|come|reach|get|ship|leave|take|happen|go|be (?:\w+ )?(?:\w+ed|sent|there|here|with you|ready|done|yours|in your|paid|back))\b",
    r"\b(?:has|have) been (?:\w+ )?\w+ed\b",
    r"\bconsider it done\b|\byou have my word\b|\bon the house\b|\bno (?:strings|questions asked)\b|\btake my word\b|"
    r"\bno need to (?:pay|worry about paying|return|send)\b|\bat our expense\b|\bout of pocket\b|\bkeep (?:it|both|them|the)\b|"
    r"\byou(?:'re| are) (?:entitled|eligible|owed|due|approved|covered)\b|\byou win\b|\byou(?:'ve| have) won\b",
)
_DOING_ZH = (
    "退|赔|补|送|寄|换|改|取消|处理|联系|安排|优惠|减|免|发|查|转|登记|延长|升级|申请|打折|解决|跟进|核实|办|打|给|开|"
    "通知|回复|反馈|提交|加急|派|修|付|报|留|申诉|协调|催|抵|返|垫|垫付|搞定|弄好|帮您|帮你"
)
_PROMISES_ZH = (
    rf"(?:我|我们|咱们|本店|小店|店家|商家|客服|同事|这边|公司)[^，。！？,.!?]{{0,4}}?"
    rf"(?:会|将|可以|能|马上|立即|立刻|这就|已经|已|来|先|现在|保证|承诺|愿意|同意|一定|帮|给|为|替)"
    rf"[^，。！？,.!?]{{0,10}}?(?:{_DOING_ZH})",
    rf"(?:帮|给|为|替)(?:您|你|客户|顾客)[^，。！？,.!?]{{0,8}}?(?:{_DOING_ZH})",
    r"(?:您|你)[^，。！？,.!?]{0,4}?(?:会|将|能|可以|就能|即可)[^，。！？,.!?]{0,6}?"
    r"(?:收到|获得|得到|享受|拿到|领|退|换|免|保留|留着|赔)",
    r"(?:包在我身上|说到做到|一言为定|放心交给|不用付|无需付|不用还|不收您|不收你|算我的|我们承担|由我们|包您满意|已为您|已帮您|已经为您|已经帮您)",
    r"(?:已经?|将会?|会)(?:全额|全部|尽快|马上|立即|立刻|优先|今天|明天)[^，。！？,.!?]{0,6}?(?:退|赔|补|送|寄|换|处理|发|到)",
    r"(?:会|将|马上|立即|立刻|这就|尽快)[^，。！？,.!?]{0,4}?(?:处理|解决|安排|跟进|核实|联系您|联系你|回复您|回复你|办理)",
)
PROMISES = re.compile("|".join(f"(?:{pattern})" for pattern in (*_PROMISES_EN, *_PROMISES_ZH)))

HELP = re.compile(
    r"^(?:(?:oh|well|hi|hello|hey|sure|of course|but|and|so|great|thanks?[^,.!]*|no|yes)[,!]? )*"
    r"(?:i(?:'m| am)|we(?:'re| are)|i|we) (?:just |only |always |really |here |happy |glad |able |a |an |the |can |could )*"
    r"(?:[a-z-]+ ){0,4}?(?:help|assist|answer(?: your)? questions|talk|chat)\b[^.!?;:]*[.!]*$"
    r"|^(?:please )?(?:ask|tell|let) me (?:know )?(?:about|anything|if|what|how|your question)[^.!?;:]*[.!]*$"
    r"|^(?:我是|我可以|我能|我只能|我主要|我在这里|很高兴|乐意|请问|欢迎|您可以|有什么|如果您?有)[^。！？]*"
    r"(?:帮助|帮您|帮你|解答|回答|咨询|问我|告诉我|服务|助手|协助)[^。！？]*[。！]*$"
)
"""Sentences that offer talk: they may name the shop's business."""

HUMAN_CLAIM = re.compile(
    r"\bi(?:'m| am) (?:a |an |the |your |really |actually |definitely )*(?:real |actual )?(?:human|person|man|woman|people|employee|"
    r"manager|lawyer|doctor|owner|supervisor|agent named)\b|我(?:就)?是(?:一个|一名|一位|个|名|真|位)*(?:真人|人类|活人|律师|医生|经理|老板|店长|主管|人工)"
)
NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nothing|nobody|unable|excluded|refuse[sd]?|impossible)\b|n't\b|"
    r"不(?!过|同|足|仅|但|少|错|好意思|限|妨|管|论|止|断|如|久|超|想|要|客气|适|含|另|收|会有)|没有|没|无法|无需|无(?!论|理由|忧|疑)|未|非|别(?!人|的|家)|勿"
)


def binding(lower: str) -> set[str]:
    """Words of a text that commit the shop."""
    cleared = _NOT_BINDING.sub(" ", lower)
    return {m.group() for m in _BINDING_EN.finditer(cleared)} | {
        m.group() for m in _BINDING_ZH.finditer(cleared)
    }


def trade(lower: str) -> bool:
    """Whether a text speaks of the shop's business."""
    return bool(_TRADE_EN.search(lower) or _TRADE_ZH.search(lower))


def promises(lower: str) -> list[str]:
    """Phrases that undertake something."""
    return [match.group() for match in PROMISES.finditer(lower)]


def negated(lower: str) -> bool:
    """Whether a text denies something."""
    return bool(NEGATIONS.search(lower))
