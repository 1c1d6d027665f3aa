"""The two HTTP faces of mock Konnect."""

from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.portal import PortalHttp

__all__ = ["KonnectHttp", "PortalHttp"]
