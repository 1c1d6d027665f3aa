"""The steps at the data planes, of which the how-to has none."""

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
        "the managed plugin does not know auth strategies",
        "upgrade the data plane",
        "Konnect version compatibility (D227, D228)",
        beware="every API on this data plane; the plugin's defaults change with releases (hide_credentials and ssl_verify in 3.14)",
    ),
    Step(
        "gateway.data-plane.clock",
        "gateway",
        GATEWAY,
        "the data plane's machine",
        "",
        "synchronised with Curity's clock",
        "a fresh token counts as not yet valid: leeway is 0 and Curity sets nbf, so the caller gets 401",
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
        "system, or a file with the authority of Curity's certificate",
        "the data plane fetches neither metadata nor keys, and answers 401 without saying why",
        "add the authority to the file, and restart the data plane; with a public certificate at Curity there is nothing to add",
        "developer.konghq.com/gateway/breaking-changes/, ssl_verify; developer.konghq.com/gateway/configuration/",
        beware="ssl_verify false in the strategy would make it work, and let anybody between the two forge keys",
        notes="from 3.14 on data planes verify certificates unless they are told not to: an upgrade can bring it up",
        variants=("one-node",),
    ),
    Step(
        "gateway.data-plane.keys",
        "gateway",
        GATEWAY,
        "the data plane's cache",
        "",
        "the keys that Curity signs with now",
        "a good token counts as forged, and the caller gets 401",
        "clear the cache (restart the data plane); from then on give a new key a new id in Curity, and it is found",
        "developer.konghq.com/plugins/openid-connect/, keys; curity.io/resources/learn/token-signing-key-rotation",
        beware="a restarted data plane has forgotten all tokens and sessions",
        notes="a data plane looks for keys again for an id that it does not know, and not for one that it does",
        variants=("one-node",),
    ),
)
