"""Mock Konnect: the control plane's admin API, the Dev Portal's developer-facing API, and the DCR driver between them.

`state.Konnect` is the party; `setup.how_to_setup` gives it the objects of the how-to; `admin.KonnectHttp` and
`portal.PortalHttp` are its two APIs.
"""
