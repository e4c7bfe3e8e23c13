"""A small shop's intents, in three languages."""

_ENGLISH = {
    "track_order": [
        "where is my order",
        "has my parcel been sent yet",
        "when will my package arrive",
        "track my delivery please",
        "my order has not arrived",
        "how long until my parcel is here",
    ],
    "return_item": [
        "I want to send this back",
        "how do I return a jacket",
        "the shoes are too small, can I return them",
        "return label please",
        "can I bring it back for a refund",
        "I would like my money back for this item",
    ],
    "opening_hours": [
        "when do you open",
        "are you open on sunday",
        "what are your opening hours",
        "until what time is the shop open",
        "opening times on holidays",
        "when do you close today",
    ],
    "talk_to_human": [
        "let me speak to a person",
        "I want a human agent",
        "connect me with support staff",
        "can I talk to somebody",
        "real person please",
        "get me an employee",
    ],
}
_CHINESE = {
    "track_order": ["我的订单在哪里", "包裹什么时候到", "快递还没有到", "查询我的物流", "订单发货了吗"],
    "return_item": ["我要退货", "怎么退款", "鞋子太小可以退吗", "申请退货", "把钱退给我"],
}
_SPANISH = {
    "track_order": ["dónde está mi pedido", "cuándo llega mi paquete", "mi envío no ha llegado", "seguir mi pedido", "estado del pedido"],
    "return_item": [
        "quiero devolver esto",
        "cómo hago una devolución",
        "los zapatos son pequeños, quiero devolverlos",
        "reembolso",
        "devolver un artículo",
    ],
}


def _pairs(intents: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(text, intent) for intent, texts in intents.items() for text in texts]


SHOP = _pairs(_ENGLISH)
CHINESE_SHOP = _pairs(_CHINESE)
SPANISH_SHOP = _pairs(_SPANISH)
