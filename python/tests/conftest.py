"""What all tests share."""

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "peer: shows a defect of a peer, to say what is different here")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
