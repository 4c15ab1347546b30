"""A bundle on disk."""

import pytest
from bundle_files import make_program

from myvta.driver import write_bundle


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(make_program(), tmp_path / "net.vta")
