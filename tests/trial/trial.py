"""One page followed to its end, in one blank environment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import requests

from tests.servers import free_port

from .account import KEY, FakeAccount
from .pages import Step, python_blocks, steps
from .people import TARAS, Customer, Merchant
from .routes import Route
from .shop import append, fill_shelves, follow, open_shop, product_path
from .terminal import Terminal, TerminalError

FAKE = "python -m esputnik_connector.testing.fake_esputnik"
REDIS_ON_PAGES = "redis://127.0.0.1:6379/0"
EXISTING_SHOP = "docs/howto/existing-shop.md"
PATIENCE = 45  # seconds from a change to the fake; a lost wake-up would cost the sweep's minute
STARTED = 60  # seconds until a process answers


class Trial:
    """:param python: the interpreter of the environment. :param wheel: what is tried."""

    def __init__(self, route: Route, folder: Path, *, python: str, wheel: Path, redis: str) -> None:
        self.route, self.redis = route, redis
        self.terminal = Terminal.with_python(folder, python, PIP_FIND_LINKS=_links(wheel))
        shop, fake = free_port(), free_port()
        self.shop_url = f"http://127.0.0.1:{shop}"
        self.fake = FakeAccount(f"http://127.0.0.1:{fake}")
        self.terminal.addresses = {
            REDIS_ON_PAGES: redis,
            "127.0.0.1:8000": f"127.0.0.1:{shop}",
            "runserver 8000": f"runserver --noreload {shop}",
            "--port 8090": f"--port {fake}",
        }
        self.merchant, self.customer = Merchant(self.shop_url), Customer(self.shop_url)
        self.product = self.number = ""

    def run(self) -> str:
        """Follow the page. Returns one line: what was installed.

        :raises TerminalError: a block failed.
        :raises AssertionError: what the page says did not come.
        """
        page = steps(self.route.page, section=self.route.section, by_hand=self.route.by_hand)
        try:
            if self.route.is_for_a_shop:
                open_shop(self.terminal)
                self._load_celery()
            for step in page:
                self._follow(step)
            assert self.number, "the page ends without an order"
            assert self.fake.violations() == ()
            return self._installed()
        except Exception as error:
            told = self.fake.last_words(self.customer.email)
            error.args = (f"{error}\n{self.terminal.tails()}\n{self._deliveries()}\n{told}",)
            raise
        finally:
            self.terminal.close()

    # -- what the pages ask people to do

    def connect(self) -> None:
        if self.route.is_for_a_shop:  # elsewhere the page starts them
            self.product = fill_shelves(self.terminal)
            self.terminal.type("python manage.py runserver 8000")
            self.terminal.type("pip install -q 'django-esputnik-connector[testing]'")
            self.terminal.type(f"{FAKE} --port 8090 --key {KEY}")
        self._wait("the shop", lambda: _is_up(f"{self.shop_url}/admin/login/"), STARTED)
        self._wait("the fake", lambda: _is_up(f"{self.fake.url}/_fake/state"), STARTED)
        self.merchant.log_in()
        self.merchant.connect(key=KEY, api_url=self.fake.api_url)

    def map(self) -> None:
        self.merchant.map_field("total_spent", "10003")

    def see(self) -> None:
        """“Within seconds, eSputnik → Deliveries shows a line for them”."""
        self.customer.register()
        self._rename("Taras")
        deliveries = "esputnik_connector/attempt/"
        self._wait("the line", lambda: self.merchant.says(deliveries, "delivered"), PATIENCE)

    def order(self) -> None:
        if not self.fake.contact(self.customer.email):
            self.customer.register()
        self.number = self.customer.order(self.product)
        self._wait("the order", lambda: self.fake.order(self.number) is not None, PATIENCE)
        body = self.fake.order(self.number)
        assert Decimal(body["totalCost"]) == 240, body
        assert body["email"] == self.customer.email, body

    def spent(self) -> None:
        def told() -> bool:
            fields = self.fake.contact(self.customer.email).get("fields", ())
            return {"id": 10003, "value": "240.00"} in fields

        self._wait("the total in field 10003", told, PATIENCE)
        contact = self.fake.contact(self.customer.email)
        assert contact["sms"] == TARAS.phone.lstrip("+"), contact
        assert contact["address"]["town"] == TARAS.line4, contact

    def abandon(self) -> None:
        self.customer.leave_a_cart(self.product)
        self._wait("the cart", lambda: list(self._last_cart().values()) == [1], PATIENCE)

    def wait_out_an_outage(self) -> None:
        self.terminal.stop("fake_esputnik")
        self.customer.rename(first_name="Petro", last_name="Bryan")
        time.sleep(5)  # a try that fails
        self.terminal.type(f"{FAKE} --port 8090 --key {KEY}")
        self._wait("the fake", lambda: _is_up(f"{self.fake.url}/_fake/state"), STARTED)
        self._wait("the new name", lambda: self._has_name("Petro"), 2 * PATIENCE)

    # -- how

    def _deliveries(self) -> str:
        """What the shop knows of each record, for whoever has to find out why."""
        code = (
            "from esputnik_connector.models import Attempt, OutboxMessage as Row;"
            "print(*Attempt.objects.values_list('kind', 'key', 'outcome', 'reason', 'detail'),"
            "*Row.objects.values_list('kind', 'key', 'due_at', 'reason', 'detail'), sep='\\n')"
        )
        try:
            return self.terminal.type(f'python manage.py shell -c "{code}"')
        except TerminalError as error:
            return str(error)

    def _load_celery(self) -> None:
        """What the page links to for a shop whose processes do not load Celery yet."""
        application, loaded = python_blocks(EXISTING_SHOP, section="Celery")
        package = self.terminal.folder / "yourproject"
        (package / "celery.py").write_text(application)
        (package / "__init__.py").write_text(loaded)
        # what the page says in a sentence, and the shop has in its settings
        append(package / "settings.py", f'CELERY_BROKER_URL = "{self.redis}"\n')

    def _follow(self, step: Step) -> None:
        if step.language == "hand":
            hand: Callable[[], None] = getattr(self, step.text)
            hand()
            return
        is_unnamed = step.language == "python" and not step.text.startswith("# ")
        head = "# yourproject/settings.py, at the end\n" if is_unnamed else ""
        text = self.terminal.known_here(head + step.text)
        said = follow(Step(step.line, step.language, text), self.terminal)
        if "stock.py" in step.text and step.language == "console":
            self.product = product_path(said)

    def _rename(self, name: str) -> None:
        self.customer.rename(first_name=name, last_name="Bryan")
        self._wait("the new name", lambda: self._has_name(name), PATIENCE)

    def _has_name(self, name: str) -> bool:
        return bool(self.fake.contact(self.customer.email).get("firstName") == name)

    def _last_cart(self) -> dict[str, int]:
        carts = self.fake.carts()
        return carts[-1].items if carts else {}

    def _wait(self, what: str, is_so: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            self.terminal.check()
            assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
            time.sleep(0.2)

    def _installed(self) -> str:
        code = (
            "import sys, django, oscar, celery, esputnik_connector as us;"
            "print(us.__file__, 'Python %d.%d,' % sys.version_info[:2], 'Django', "
            "django.__version__ + ', Oscar', oscar.get_version() + ', Celery', celery.__version__)"
        )
        file, _, versions = self.terminal.type(f'python -c "{code}"').strip().partition(" ")
        assert "/site-packages/" in file, f"the package came from {file}, not from the wheel"
        return versions


def _links(wheel: Path) -> str:
    """Our wheel beside the index, so that the page's own ``pip install`` finds it."""
    return " ".join(filter(None, [str(wheel.parent), os.environ.get("PIP_FIND_LINKS", "")]))


def _is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
