"""The site of an eSputnik account: domain, site script, web push (esputnik-api.md#site-domains).

Which shape an answer has is only partly documented, and a success may hide an error: each is read
for what it proves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from esputnik_connector.destinations.responses import Answer, vendor_words
from esputnik_connector.destinations.site import (
    PushScripts,
    PushWorker,
    Site,
    SiteDomain,
    SiteRefusal,
    SiteRefusalCode,
    host_of,
)
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject, JSONValue
from esputnik_connector.storable import UNSTORABLE

from .answers.domains import entries_of, spellings
from .answers.lists import objects, readable
from .answers.values import text_of
from .client import EsputnikClient

# Words of a refusal → what it means. The first that fits counts (esputnik-api.md#site-domains).
REFUSALS = (
    ("only one domain", SiteRefusalCode.ONE_DOMAIN),
    ("already", SiteRefusalCode.DOMAIN_TAKEN),
    ("reached", SiteRefusalCode.DOMAIN_UNREACHABLE),
    ("reachable", SiteRefusalCode.DOMAIN_UNREACHABLE),
    ("invalid", SiteRefusalCode.DOMAIN_INVALID),
)
LISTED = (list, dict, str, type(None))
LARGEST_SNIPPET = 100_000  # characters; eSputnik's is below 2,000
LARGEST_WORKER = 2_000_000
SITE_ID = re.compile(r"[\w-]{1,50}", re.ASCII)
SITE_ID_IN_SCRIPT = re.compile(r"/scripts/([0-9A-Za-z_-]{4,50})[.]js")
PAGE_TAGS = re.compile(r"<\s*(!doctype|html|head|body)\b", re.IGNORECASE)
COMMENTS = re.compile(r"<!--.*?-->", re.DOTALL)
SNIPPET = re.compile(r"\s*<script\b.*</script\s*>\s*", re.IGNORECASE | re.DOTALL)


class EsputnikSite(Site):
    """See :class:`~esputnik_connector.destinations.site.Site`."""

    def __init__(self, client: EsputnikClient) -> None:
        self._client = client

    def domains(self) -> Sequence[SiteDomain]:
        answer = self._client.site_domains()
        found = entries_of(readable(answer, LISTED))
        return [SiteDomain(domain=text_of(one, "domain"), site_id=_site_id(one)) for one in found]

    def register(self, domain: str) -> SiteDomain:
        try:
            answer = self._client.add_site_domain(domain)
        except RejectedError as error:
            raise _refusal(error) from error
        if not answer.is_duplicate and (words := _hidden_error(answer)):
            raise _refusal(RejectedError(words, status=answer.status))
        return SiteDomain(domain=domain, site_id=_site_id(answer.body))

    def script(self) -> str:
        try:
            answer = self._client.site_script()
        except RejectedError as error:
            code = SiteRefusalCode.NO_DOMAIN if error.status in (400, 404) else None
            raise _refusal(error, code=code) from error
        script = answer.content.decode("utf-8", errors="replace")
        if not is_snippet(script):
            raise SiteRefusal(
                _("What came is no site script: it begins with “%s”") % _beginning(script),
                code=SiteRefusalCode.NOT_A_SCRIPT,
                status=answer.status,
            )
        return script

    def site_id_in(self, script: str) -> str:
        found = SITE_ID_IN_SCRIPT.search(script)
        return found[1] if found else ""

    def push_domains(self) -> Sequence[PushWorker]:
        return [_worker(one) for one in entries_of(readable(self._client.push_domains(), LISTED))]

    def register_push(self, worker: PushWorker) -> PushWorker:
        body: JSONObject = {
            "domain": worker.domain,
            "serviceWorkerName": worker.name,
            "serviceWorkerPath": worker.path,
            "serviceWorkerScope": worker.scope,
        }
        try:
            answer = self._client.add_push_domain(body)
        except RejectedError as error:
            if "already" not in str(error).lower():
                raise SiteRefusal(
                    str(error), code=SiteRefusalCode.PUSH_REFUSED, status=error.status
                ) from error
            return self._known_push(worker, str(error))
        words = _hidden_error(answer)
        if "already" in words.lower() or answer.is_duplicate:
            return self._known_push(worker, words)
        if words:
            raise SiteRefusal(words, code=SiteRefusalCode.PUSH_REFUSED, status=answer.status)
        success = answer.body.get("success") if isinstance(answer.body, dict) else None
        if registered := next((text_of(one, "domain") for one in objects(success)), ""):
            return _named(worker, registered) if _is_same(registered, worker.domain) else worker
        return self._known_push(worker, _("the answer does not say so"))

    def push_scripts(self, domain: str) -> PushScripts:
        body = readable(self._of_domain(domain, self._client.push_script), dict)
        script, worker = body.get("script"), body.get("serviceWorker")
        if not (_is_code(script, LARGEST_SNIPPET) and _is_code(worker, LARGEST_WORKER)):
            raise SiteRefusal(
                _("What came are no scripts of web push."), code=SiteRefusalCode.NOT_A_SCRIPT
            )
        if worker.lstrip().startswith("<"):
            raise SiteRefusal(
                _("What came in the place of the service worker is a page, no script."),
                code=SiteRefusalCode.NOT_A_SCRIPT,
            )
        return PushScripts(script=script, worker=worker)

    def leave_push(self, domain: str) -> bool:
        try:
            answer = self._of_domain(domain, self._client.delete_push_domain)
        except SiteRefusal as error:
            if error.code is SiteRefusalCode.NO_DOMAIN:
                return False
            raise
        if words := _hidden_error(answer):
            raise SiteRefusal(words, code=SiteRefusalCode.PUSH_REFUSED, status=answer.status)
        return True

    def _of_domain(self, domain: str, ask: Callable[[str], Answer]) -> Answer:
        """What is said of a domain, by whichever spelling the account knows it.

        :raises SiteRefusal: refused; NO_DOMAIN, if it is known by none.
        """
        unknown: RejectedError | None = None
        for written in spellings(domain):
            try:
                return ask(written)
            except RejectedError as error:
                if error.status != 404 and "not found" not in str(error).lower():
                    raise _refusal(error) from error
                unknown = unknown or error
        raise _refusal(unknown or RejectedError(domain), code=SiteRefusalCode.NO_DOMAIN)

    def _known_push(self, asked: PushWorker, words: str) -> PushWorker:
        """How the account has a domain that it says it has, or does not say it has not.

        :raises TemporaryError: it is not in its list. :raises SiteRefusal: with another worker.
        """
        mine = [one for one in self.push_domains() if _is_same(one.domain, asked.domain)]
        if not mine:
            text = _("The domain is not among those with web push afterwards: %s")
            raise TemporaryError(text % words, was_received=True)
        found = mine[0]
        told = {"name": found.name, "path": found.path, "scope": found.scope}
        other = {name: value for name, value in told.items() if value}
        if any(getattr(asked, name) != value for name, value in other.items()):
            text = _("The domain has web push already, with the worker %(worker)s, scope %(scope)s")
            raise SiteRefusal(
                text % {"worker": f"{found.path}{found.name}", "scope": found.scope or "?"},
                code=SiteRefusalCode.PUSH_OTHERWISE,
            )
        return _named(asked, found.domain)


def is_snippet(script: str) -> bool:
    """Is this something to put into every page: script elements, and no page of its own?"""
    if len(script) > LARGEST_SNIPPET or UNSTORABLE.search(script) or "\ufffd" in script:
        return False
    bare = COMMENTS.sub("", script.removeprefix("\ufeff"))
    return bool(SNIPPET.fullmatch(bare)) and not PAGE_TAGS.search(bare)


def _is_same(domain: str, other: str) -> bool:
    return bool(host_of(domain)) and host_of(domain) == host_of(other)


def _is_code(value: JSONValue, most: int) -> bool:
    is_text = isinstance(value, str) and bool(value.strip()) and len(value) <= most
    return is_text and not UNSTORABLE.search(str(value)) and not _is_page(str(value))


def _is_page(script: str) -> bool:
    return script.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<head", "<body"))


def _site_id(body: JSONValue) -> str:
    found = text_of(body, "siteId")
    return found if SITE_ID.fullmatch(found) else ""


def _worker(entry: JSONValue) -> PushWorker:
    return PushWorker(
        domain=text_of(entry, "domain"),
        name=text_of(entry, "serviceWorkerName"),
        path=text_of(entry, "serviceWorkerPath"),
        scope=text_of(entry, "serviceWorkerScope"),
    )


def _named(worker: PushWorker, domain: str) -> PushWorker:
    return PushWorker(domain=domain, name=worker.name, path=worker.path, scope=worker.scope)


def _hidden_error(answer: Answer) -> str:
    """The error in a success, in eSputnik's words; ``""`` for none (esputnik-api.md#web-push).

    :raises TemporaryError: the answer is broken, so that it may hold one.
    """
    if not answer.was_readable:
        raise TemporaryError(_("The answer came in part only."), was_received=True)
    body = answer.body
    if not isinstance(body, dict):
        return ""
    for name in ("errors", "error"):
        found = body.get(name)
        if isinstance(found, str) and found:
            return vendor_words(None, found)
        for one in objects(found):
            if one:
                return vendor_words(one) or _("an error without words")
    words = text_of(body, "message") or text_of(body, "errorMessage")
    is_known = any(part in words.lower() for part, _meant in REFUSALS)
    is_error = is_known or text_of(body, "result").lower() in ("error", "fail", "failed")
    return vendor_words(None, words) if words and is_error else ""


def _refusal(error: RejectedError, *, code: SiteRefusalCode | None = None) -> SiteRefusal:
    words = str(error).lower()
    read = next((meant for part, meant in REFUSALS if part in words), SiteRefusalCode.REFUSED)
    return SiteRefusal(str(error), code=code or read, status=error.status)


def _beginning(script: str) -> str:
    return " ".join(vendor_words(None, script).split())[:60]
