"""What the pipeline does with a batch that is refused as a whole, in its smallest form."""

from __future__ import annotations

from collections.abc import Sequence

from esputnik_connector.destinations.base import Destination, Envelope, Receipt
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.records import Outcome, Reason


def halved(destination: Destination, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """Deliver; what is refused as a whole goes again in halves, until the culprit stands alone.

    :raises TemporaryError, CredentialsError: as ``deliver`` raises them.
    """
    try:
        return list(destination.deliver(envelopes))
    except RejectedError as error:
        if len(envelopes) == 1:
            return [_refused(envelopes[0], error)]
        middle = len(envelopes) // 2
        first, second = envelopes[:middle], envelopes[middle:]
        return [*halved(destination, first), *halved(destination, second)]


def _refused(envelope: Envelope, error: RejectedError) -> Receipt:
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.REJECTED,
        reason=Reason.REFUSED,
        detail=str(error),
        status=error.status,
    )
