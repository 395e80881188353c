"""A simulator of the users of a shop, who click and buy, from public facts and declared choices."""

from domains.shop.simulator.layout import shop_schema
from domains.shop.simulator.shop import simulate_shop

__all__ = ["shop_schema", "simulate_shop"]
