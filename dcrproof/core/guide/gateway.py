"""The steps at the data planes; the how-to has none of them."""

from dcrproof.core.checks.owners import GATEWAY
from dcrproof.core.guide.entry import Step

STEPS: tuple[Step, ...] = (
    Step(
        "gateway.data-plane.version",
        "gateway",
        GATEWAY,
        "the data plane's image or package",
        "",
        "3.6 or newer",
        "the managed plugin does not support auth strategies",
        "upgrade the data plane",
        "Konnect version compatibility (D227, D228)",
        caution="this affects every API on this data plane; plugin defaults change between releases (hide_credentials and ssl_verify in 3.14)",
    ),
    Step(
        "gateway.data-plane.clock",
        "gateway",
        GATEWAY,
        "the data plane's machine",
        "",
        "synchronised with Curity's clock",
        "a new token is not yet valid: leeway is 0 and Curity sets nbf, so the caller gets 401",
        "synchronise the clocks (NTP) of the data planes and of Curity",
        "developer.konghq.com/plugins/openid-connect/reference/, leeway",
        variants=("fast",),
    ),
    Step(
        "gateway.data-plane.trust",
        "gateway",
        GATEWAY,
        "kong.conf of the data plane",
        "lua_ssl_trusted_certificate",
        "system, or a file with the CA of Curity's certificate",
        "the data plane cannot fetch metadata and keys, and answers 401 without a reason",
        "add the CA to the file, and restart the data plane; a public certificate at Curity needs no addition",
        "developer.konghq.com/gateway/breaking-changes/, ssl_verify; developer.konghq.com/gateway/configuration/",
        caution="ssl_verify false in the strategy would hide the problem, and allow anyone between the two to forge keys",
        notes="data planes verify certificates by default since 3.14: the problem can appear after an upgrade",
        variants=("one-node",),
    ),
    Step(
        "gateway.data-plane.keys",
        "gateway",
        GATEWAY,
        "the data plane's cache",
        "",
        "the current signing keys of Curity",
        "a valid token counts as forged, and the caller gets 401",
        "clear the cache (restart the data plane); in future give each new key in Curity a new id, so that it is found",
        "developer.konghq.com/plugins/openid-connect/, keys; curity.io/resources/learn/token-signing-key-rotation",
        caution="a restart loses all cached tokens and sessions of the data plane",
        notes="a data plane fetches the keys again for an unknown key id, but not for a known one",
        variants=("one-node",),
    ),
)
