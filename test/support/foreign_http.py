"""WHIP and WHEP over HTTP, for peers of other makers: an offer by POST, the answer back, DELETE at
the end.
"""

import urllib.request
from urllib.parse import urljoin


class Session:
    """A session at a WHIP or WHEP endpoint.

    Raises urllib.error.HTTPError when the offer is refused.
    """

    def __init__(self, url, offer, token):
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        with self._ask("POST", url, {"Content-Type": "application/sdp"}, offer.encode()) as response:
            self.answer = response.read().decode()
            self._resource = urljoin(url, response.headers["Location"])

    def close(self):
        """Ends it. Raises when the server has ended it before."""
        self._ask("DELETE", self._resource).close()

    def _ask(self, method, url, headers=None, body=None):
        request = urllib.request.Request(url, data=body, method=method, headers={**self._headers, **(headers or {})})
        return urllib.request.urlopen(request, timeout=10)
