"""Stands in for eSputnik's script in the browser, and keeps what each visitor's was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

RECEIVES = "/scripts/told"
MOST = 5000  # calls that are kept

# As eSputnik's own does: makes the cookie of the visitor, tells that the page was opened, takes
# what was called before it came. window.esCalls is for browser tests.
SCRIPT = """(function (w, d) {
  'use strict';
  var home = d.currentScript ? new URL(d.currentScript.src).origin : '';
  var waiting = (w.eS && w.eS.q) || [];
  var found = /(?:^|; )sc=([^;]+)/.exec(d.cookie);
  var visitor = found ? found[1] : Array.from(w.crypto.getRandomValues(new Uint8Array(16)),
    function (one) { return ('0' + one.toString(16)).slice(-2); }).join('');
  if (!found) d.cookie = 'sc=' + visitor + '; path=/; max-age=31536000; SameSite=Lax';
  w.esCalls = w.esCalls || [];
  function tell(call) {
    w.esCalls.push(call);
    w.navigator.sendBeacon(home + '/scripts/told',
      JSON.stringify({visitor: visitor, page: w.location.pathname, call: call,
        at: w.performance.timeOrigin + w.performance.now()}));
  }
  w.eS = function () { tell(Array.prototype.slice.call(arguments)); };
  waiting.forEach(function (call) { w.eS.apply(null, call); });
  tell(['sendEvent', 'PageView', {PageView: {}}]);
})(window, document);
"""


class Visits:
    """What browsers told, in the order in which they were told it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def receive(self, body: Any) -> None:
        """One call of the script. What is none is left out: anybody may send anything here. A
        browser sends side by side what it was told in turn, so it says when."""
        told = json.loads(body) if isinstance(body, str) else body
        if not isinstance(told, Mapping) or not isinstance(told.get("call"), list):
            return
        at = told.get("at")
        row = {name: told.get(name) for name in ("visitor", "page", "call")}
        row["at"] = at if isinstance(at, (int, float)) else 0
        self.told = sorted([*self.told, row], key=itemgetter("at"))[-MOST:]

    def by_visitor(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self.told:
            found.setdefault(str(each["visitor"]), []).append(each)
        return found
