"""The domain of shops: what users click and buy, and a simulator of them."""

from domains.shop.domain import ShopDomain

__all__ = ["ShopDomain"]
