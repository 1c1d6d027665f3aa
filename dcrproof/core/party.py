"""The parties that an exchange can be with, by the names that they have everywhere."""

from typing import Literal

Party = Literal["curity", "konnect", "portal", "gateway", "upstream", "control"]
"""`control` is the control interface of the mocks: its exchanges are not part of the flow."""
