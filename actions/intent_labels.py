"""What an intent is called on a button."""

from __future__ import annotations

from shop.labels import Pair

INTENT_LABELS: dict[str, Pair] = {
    "order_status": ("Where is my order?", "查订单到哪了"),
    "list_orders": ("Show my orders", "查看我的订单"),
    "cancel_order": ("Cancel an order", "取消订单"),
    "return_item": ("Return something", "退货"),
    "exchange_item": ("Exchange something", "换货"),
    "refund_status": ("Where is my refund?", "查退款进度"),
    "change_address": ("Change the address", "修改收货地址"),
    "faq_shipping": ("Shipping and delivery", "配送说明"),
    "faq_returns": ("How returns work", "退换货规则"),
    "faq_payment": ("Ways to pay", "支付方式"),
    "faq_sizing": ("Sizes", "尺码问题"),
    "faq_warranty": ("Warranty and repair", "质保与维修"),
    "faq_invoice": ("Invoices", "发票问题"),
    "faq_account": ("My account", "账户问题"),
    "faq_promotions": ("Offers and vouchers", "优惠活动"),
    "faq_contact": ("Hours and where we are", "营业时间与门店"),
    "product_price": ("Price of a product", "商品价格"),
    "product_stock": ("Is it in stock?", "是否有货"),
    "product_attribute": ("Details of a product", "商品详情"),
    "compare_products": ("Compare two products", "比较两件商品"),
    "recommend_product": ("Recommend something", "推荐商品"),
    "recommend_for_me": ("Something for my taste", "为我推荐"),
    "complain_late": ("My parcel is late", "包裹迟到投诉"),
    "complain_damaged": ("It arrived damaged", "商品破损投诉"),
    "complain_wrong_item": ("I got the wrong item", "收到错误商品"),
    "complain_service": ("Complain about service", "投诉服务"),
    "talk_to_human": ("Talk to a person", "转人工客服"),
}
NONE_OF_THEM: Pair = ("Something else", "都不是")
