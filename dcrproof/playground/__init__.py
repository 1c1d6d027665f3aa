"""Web pages on served mocks (`dcrproof serve --ui`): the how-tos by hand, from sign-up to the call of the route.

The pages are a client of the mocks like any other: they ask them over HTTP, and what a mock refuses they show in its
own words. Handlers are generators that yield the calls they need (`dcrproof.mocks.messages`), so that they do no I/O.
"""
