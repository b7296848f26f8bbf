"""Every folder of evidence says what was asked, what was found, and stands in the table of all claims."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import state  # noqa: E402

FOLDERS = sorted(path.parent for path in (ROOT / "evidence").glob("*/question.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_of_evidence_has_a_question_a_page_and_a_claim(folder: Path) -> None:
    missing = [name for name in ("question.toml", "page.md", "claim.toml") if not (folder / name).is_file()]
    assert not missing


def test_every_claim_stands_on_the_front_page_and_in_the_table() -> None:
    front = (ROOT / "README.md").read_text("utf-8")
    table = (ROOT / "docs" / "state-of-the-evidence.md").read_text("utf-8")
    assert len(state.claims()) == len(FOLDERS)
    for claim in state.claims():
        assert f"evidence/{claim.folder}/page.md" in front
        assert claim.link in table


def test_effects_are_turned_so_that_better_is_positive() -> None:
    for claim in state.claims():
        for row in claim.rows:
            assert row.interval[0] <= row.effect <= row.interval[1]
            assert {"better": row.effect > 0, "worse": row.effect < 0}.get(row.verdict, True)
