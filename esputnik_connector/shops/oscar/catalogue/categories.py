"""The tree of categories, as a feed shows it: read once, without a query per category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from oscar.core.loading import get_model

from esputnik_connector import identity
from esputnik_connector.records import Category
from esputnik_connector.shops.bulk import among, fetched, text_of, with_translations

READ_AT_ONCE = 2000  # categories in memory as objects; only their names stay


class Tree:
    """Public categories by their primary key, in the language that is active now.

    A category is public when all its ancestors are. What treebeard's ``path`` says is all that
    counts: a wrong ``depth`` or ``numchild``, or a branch that hangs in the air, does no harm.
    """

    def __init__(self) -> None:
        self._model = get_model("catalogue", "Category")
        self._nodes: dict[str, tuple[Any, str]] = {}  # path → pk, name
        self._paths: dict[Any, str] = {}
        self._made: dict[str, Category | None] = {}
        for node in self._public():
            self._nodes[node.path] = node.pk, identity.text(text_of(node, "name"))
            self._paths[node.pk] = node.path

    def __iter__(self) -> Iterator[Category]:
        made = (self._category(path) for path in sorted(self._nodes))
        return (category for category in made if category is not None)

    def get(self, pk: Any) -> Category | None:
        path = self._paths.get(pk)
        return None if path is None else self._category(path)

    def of(self, product_pks: Iterable[Any]) -> dict[Any, tuple[Category, ...]]:
        """Product pk → its public categories, lowest pk first. One query."""
        through = get_model("catalogue", "Product").categories.through
        links = through._default_manager.order_by("category_id")
        found: defaultdict[Any, list[Category]] = defaultdict(list)
        read = fetched(
            lambda chunk: links.filter(among("product_id", chunk)).values_list(
                "product_id", "category_id"
            ),
            product_pks,
        )
        for product_pk, category_pk in read:
            category = self.get(category_pk)
            if category is not None:
                found[product_pk].append(category)
        return {pk: tuple(categories) for pk, categories in found.items()}

    def _public(self) -> Iterator[Any]:
        """Whole objects: a translation may stand in another table."""
        public = self._model._default_manager.filter(is_public=True)
        nodes = with_translations(public.order_by("pk"))
        last = None
        while page := list((nodes if last is None else nodes.filter(pk__gt=last))[:READ_AT_ONCE]):
            yield from page
            last = page[-1].pk

    def _category(self, path: str) -> Category | None:
        if path not in self._made:
            self._made[path] = self._joined(path)
        return self._made[path]

    def _joined(self, path: str) -> Category | None:
        step = self._model.steplen
        lineage = [self._nodes.get(path[:end]) for end in range(step, len(path) + 1, step)]
        nodes = [node for node in lineage if node is not None]
        if not nodes or len(nodes) < len(lineage):
            return None
        return Category(
            keys=tuple(str(pk) for pk, _name in nodes), names=tuple(name for _pk, name in nodes)
        )


def below(keys: Iterable[str]) -> list[Any]:
    """Primary keys of these categories and of all below them; unknown keys are nothing."""
    model = get_model("catalogue", "Category")
    nodes = list(model._base_manager.order_by().values_list("pk", "path"))
    wanted = set(keys)
    roots = tuple(path for pk, path in nodes if str(pk) in wanted)
    return [pk for pk, path in nodes if path.startswith(roots)] if roots else []
