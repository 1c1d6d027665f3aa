"""Mock Kong gateway: data-plane nodes that run `konnect-application-auth` with `openid-connect` inside it.

`state` is the node, `http` its proxy port. The plugin's settings are in `plugin`, what depends on the release in
`releases`; where it looks for credentials in `credentials`, how it verifies a token in `tokens`, what it knows of issuers
in `issuers`, what it asks them in `grants` and `lookups`, its cookie in `session`, what the upstream learns in
`upstream_headers`. `consumers` is for the plugin that stands alone.
"""
