"""Conformance: the embedded Web UI passes the requests of the SD Web UI's own HTTP tests."""

import httpx
import pytest

from tests.integration.embedded_webui.conformance import CASES, Case

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("embedded_webui")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case, web_ui: httpx.Client) -> None:
    case.check(web_ui)
