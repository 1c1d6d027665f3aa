"""Mock Kong gateway: data-plane nodes that run `konnect-application-auth` with `openid-connect` inside it.

`state` is the node, `http` its proxy port. What the plugin may be told is in `plugin`, where it looks for credentials
in `credentials`, how it judges a token in `tokens`, its cookie in `session`.
"""
