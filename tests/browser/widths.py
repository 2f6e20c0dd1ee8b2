"""The widths at which every page has to be whole."""

import pytest

from testbed.browser.steps import PHONE, WIDE

both_widths = pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"], indirect=True)
