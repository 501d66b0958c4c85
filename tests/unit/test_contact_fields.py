"""One row of the table of contact fields is all that a field needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.destinations.base import Account, Delivered
from esputnik_connector.destinations.esputnik.calls import contacts_body
from esputnik_connector.destinations.esputnik.contacts import fields as contact_fields
from esputnik_connector.destinations.esputnik.contacts.fields import CONTACT_FIELDS, ContactField
from esputnik_connector.destinations.esputnik.contacts.payload import contact_envelope
from esputnik_connector.destinations.esputnik.contacts.sources import SOURCES
from esputnik_connector.destinations.esputnik.remote import differing
from esputnik_connector.records import Address, Contact, Kind

ACCOUNT = Account(name="main", api_key="key", api_url="https://esputnik.com/api", salt="salt")
WHOLE = Contact(
    key="7",
    email="olena@example.com",
    phone="+380501234567",
    first_name="Olena",
    last_name="Bondar",
    language="uk",
    address=Address(region="Kyiv region", town="Kyiv", line="Khreshchatyk 1", postcode="01001"),
)


def sent(contact: Contact, **last: object):
    envelope = contact_envelope(contact, account=ACCOUNT, last=Delivered(**last) if last else None)
    return envelope, envelope.payload["contact"]


@pytest.mark.parametrize("field", CONTACT_FIELDS, ids=lambda field: field.name)
def test_a_row_is_in_the_payload_the_import_the_comparison_and_the_sources(field: ContactField):
    envelope, payload = sent(WHOLE)
    assert contact_fields.values_in(payload, field)
    assert field.name in contacts_body([envelope])["contactFields"]
    assert SOURCES[Kind.CONTACT][field.path]

    held = {"channels": [], "address": {}, "externalCustomerId": "7"}
    assert field.told in set(differing(payload, held))
    assert field.told not in set(differing(payload, payload))


@pytest.mark.parametrize("field", CONTACT_FIELDS[2:], ids=lambda field: field.name)
def test_a_field_that_becomes_empty_is_cleared(field: ContactField):
    before, _payload = sent(WHOLE)
    empty = replace(WHOLE, first_name="", last_name="", language="", address=Address())
    envelope, payload = sent(empty, digest=before.digest, fields=before.fields)
    assert field.name in envelope.clears
    assert not contact_fields.values_in(payload, field)
