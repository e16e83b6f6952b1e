"""Names, streets and review sentences the seed composes customers and reviews from."""

from __future__ import annotations

FIRST_EN = (
    "Anna Tom Marta Jonas Clara Felix Nina Paul Eva Lukas Sofia Max Emma Oscar Lena Hugo Ida Noah Alice Leo Greta Finn "
    "Maya Ben Julia Simon Laura David Helena Arthur Rosa Victor Iris Martin Edith Samuel Vera Daniel Nora Peter"
).split()
LAST_EN = (
    "Keller Baker Nowak Lindqvist Moreau Rossi Fischer Novak Silva Jansen Murphy Wagner Dubois Costa Hansen Weber Kowalski "
    "Berg Fontaine Bianchi Schulz Horvat Pereira Visser Walsh Becker Laurent Greco Larsen Hoffmann"
).split()
FAMILY_ZH = (("李", "Li"), ("王", "Wang"), ("张", "Zhang"), ("陈", "Chen"), ("刘", "Liu"), ("杨", "Yang"),
             ("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("林", "Lin"))  # fmt: skip
GIVEN_ZH = (("娜", "na"), ("伟", "wei"), ("敏", "min"), ("静", "jing"), ("磊", "lei"), ("洋", "yang"), ("雪", "xue"),
            ("婷", "ting"), ("浩", "hao"), ("欣怡", "xinyi"), ("子涵", "zihan"), ("雨桐", "yutong"), ("晨", "chen"),
            ("思远", "siyuan"))  # fmt: skip
PLACES_EN = (
    ("Lindenstraße {n}, 10969 Berlin", "DE"), ("Hafenweg {n}, 20457 Hamburg", "DE"), ("Rue des Tisserands {n}, 69001 Lyon", "FR"),
    ("Via dei Lanai {n}, 50122 Firenze", "IT"), ("Spoorstraat {n}, 3511 Utrecht", "NL"), ("Mill Lane {n}, D08 Dublin", "IE"),
    ("Calle del Telar {n}, 08003 Barcelona", "ES"), ("Ringstraße {n}, 1010 Wien", "AT"), ("Nørregade {n}, 1165 København", "DK"),
)  # fmt: skip
PLACES_ZH = (
    ("上海市徐汇区衡山路{n}号", "CN"), ("北京市朝阳区建国路{n}号", "CN"), ("广州市天河区体育西路{n}号", "CN"),
    ("Kantstraße {n}, 10623 Berlin", "DE"), ("Avenue d'Ivry {n}, 75013 Paris", "FR"),
)  # fmt: skip
REVIEWS_EN = {
    5: ("Exactly what I hoped for.", "I would buy it again tomorrow.", "Better than in the pictures.", "My favourite this year."),
    4: ("Very good, with one small wish.", "Nice quality for the price.", "Does what it should.", "Good, the colour is a bit darker."),
    3: ("All right, no more.", "Fine, but I expected a little more.", "Decent, delivery took its time."),
    2: ("Not quite for me.", "The size ran differently than I thought.", "I had hoped for sturdier seams."),
    1: ("Sadly I had to send it back.", "Arrived with a fault.", "Not what I expected."),
}
REVIEWS_ZH = {
    5: ("完全符合期待。", "会推荐给朋友。", "比图片还好看。", "今年最满意的一件。"),
    4: ("很不错，有一点小遗憾。", "这个价位质量很好。", "该有的都有。", "好看，颜色比图片略深。"),
    3: ("还可以，一般般。", "中规中矩，期待更高一点。", "可以，就是物流慢了些。"),
    2: ("不太适合我。", "尺码和想象的不一样。", "做工可以再结实些。"),
    1: ("很遗憾，退货了。", "收到时有瑕疵。", "和预期不符。"),
}
REMARKS_EN = {
    "jackets": ("It kept me dry and warm.", "The pockets are in the right place.", "Sits well over a sweater."),
    "tops": ("Soft on the skin.", "Washed three times, still in shape.", "Sleeves just long enough."),
    "knitwear": ("Does not itch at all.", "Warm without being heavy.", "Little pilling so far."),
    "trousers": ("Comfortable on the bicycle.", "The length was right at once.", "Good cloth, good seams."),
    "dresses": ("It really has a lovely fall.", "I got compliments all evening.", "Cut well at the waist."),
    "shoes": ("No blisters from the first day.", "The sole grips well.", "Take half a size more."),
    "bags": ("Everything has its place.", "The strap does not cut in.", "Looks better with age."),
    "accessories": ("A good present, too.", "Small thing, big joy.", "Well made."),
    "home": ("The house feels warmer.", "Colour as shown.", "Softer after the first wash."),
    "outdoor": ("Passed its first trip with honours.", "Light enough to take along.", "Easy to use with cold hands."),
    "gift_cards": ("Arrived in a lovely envelope.", "Easy to redeem."),
}
REMARKS_ZH = {
    "jackets": ("保暖又防风。", "口袋位置很顺手。", "里面穿毛衣刚好。"),
    "tops": ("贴身很柔软。", "洗了三次没变形。", "袖长刚好。"),
    "knitwear": ("一点都不扎。", "暖和但不重。", "目前没怎么起球。"),
    "trousers": ("骑车也舒服。", "裤长正合适。", "面料和缝线都好。"),
    "dresses": ("垂感很好。", "穿出门被夸了一晚上。", "腰身剪裁不错。"),
    "shoes": ("第一天穿就不磨脚。", "鞋底防滑。", "建议选大半码。"),
    "bags": ("分区合理。", "背带不勒肩。", "越用越好看。"),
    "accessories": ("送人也合适。", "小东西大快乐。", "做工精细。"),
    "home": ("家里一下子温馨了。", "颜色和图片一致。", "洗一次更软。"),
    "outdoor": ("第一次出行表现很好。", "够轻，随身带没负担。", "戴手套也好操作。"),
    "gift_cards": ("信封很漂亮。", "兑换方便。"),
}
