"""Mock classic Dev Portal: Settings > Application Setup, My Apps, and the Portal API v2.

`state.ClassicPortal` is the party; `setup.how_to_setup` does the older how-to; `http.ClassicPortalHttp` is the API of
the developer, `admin.routes` what Konnect's admin API v2 says of the portal.
"""
