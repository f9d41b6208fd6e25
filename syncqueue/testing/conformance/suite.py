"""`Conformance`: all cases, to be subclassed for one service."""

from __future__ import annotations

from typing import ClassVar

import pytest

from syncqueue.testing.conformance.cases.content import ContentCases
from syncqueue.testing.conformance.cases.cut_off import CutOffCases
from syncqueue.testing.conformance.cases.destinations import DestinationCases
from syncqueue.testing.conformance.cases.failures import FailureCases
from syncqueue.testing.conformance.cases.media import MediaCases
from syncqueue.testing.conformance.cases.nonsense import NonsenseCases
from syncqueue.testing.conformance.cases.preview import PreviewCases
from syncqueue.testing.conformance.cases.verify import VerifyCases
from syncqueue.testing.conformance.cases.withdrawn import WithdrawnCases
from syncqueue.testing.conformance.service import ServiceUnderTest


class Conformance(
    ContentCases,
    FailureCases,
    CutOffCases,
    NonsenseCases,
    DestinationCases,
    WithdrawnCases,
    MediaCases,
    PreviewCases,
    VerifyCases,
):
    """Subclass it in a test module: `class TestShelf(Conformance): service = ShelfUnderTest`."""

    service: ClassVar[type[ServiceUnderTest]]
    pytestmark = pytest.mark.django_db(transaction=True)
