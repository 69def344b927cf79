"""The API answers as its own document says, whoever asks whatever."""

from pathlib import Path

import pytest

from impexd.model.people import Role
from tests.admin.api_check import check, peer

EXAMPLES = 2
"""Of each operation, for each role; `python -m tests.admin.api_check` asks as often as is wanted."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_answer_is_as_the_document_of_the_api_says(tmp_path: Path) -> None:
    with peer(tmp_path) as found:
        asked = check(found, EXAMPLES)
    assert asked.wrong == []
    fine = {who for who, status in asked.answers if status < 300}
    assert fine == {"nobody", *(role.value for role in Role)}
    denied = {who for who, status in asked.answers if status == 403}
    assert {role.value for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER)} <= denied
