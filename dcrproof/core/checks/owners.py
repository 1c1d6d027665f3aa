"""Who can fix what a check finds, or has to do a setup step: the teams that a failure is handed to."""

CURITY = "Curity admins"
KONNECT = "Konnect admins"
GATEWAY = "gateway team"
CONSUMER = "API consumer"
"""The author of the request that calls the route."""

AUTHOR = "author of the profile"

OWNERS = frozenset({CURITY, KONNECT, GATEWAY, CONSUMER, AUTHOR})
