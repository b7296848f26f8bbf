import pytest

from anlage.connectome import Connectome
from anlage.connectome.fetch import is_fetched
from anlage.connectome.library import CONNECTOMES, EMBEDDED, load
from anlage.connectome.release import RELEASES
from anlage.errors import UnknownName

PUBLISHED = {
    "worm": 302,
    "worm-male": 381,
    "worm-witvliet-1": 161,
    "mushroom-body-left": 209,
    "mushroom-body-right": 213,
    "optic-lobe": 45_669,
    "larva": 2952,
}


@pytest.mark.parametrize("name", CONNECTOMES)
def test_every_name_loads_a_connectome_with_its_source(name: str) -> None:
    if name in RELEASES and not is_fetched(RELEASES[name]):
        pytest.skip(f"{name} is not here: `anlage fetch {name}`, or set ANLAGE_DATA")
    connectome = load(name)
    assert isinstance(connectome, Connectome)
    assert len(connectome.pre) > 0
    assert connectome.source.licence
    assert connectome.source.bibtex
    assert connectome.n_neurons == PUBLISHED.get(name, connectome.n_neurons)


def test_only_the_releases_need_a_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    assert set(CONNECTOMES) - set(EMBEDDED) == set(RELEASES)
    monkeypatch.setenv("ANLAGE_DATA", str(tmp_path))
    assert load("worm").n_neurons == 302


def test_an_optic_lobe_of_any_radius_is_named_by_its_radius() -> None:
    small, larger = load("optic-lobe-1"), load("optic-lobe-2")
    assert small.n_neurons < larger.n_neurons < 45_669


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("wrom", "worm"), ("larvae", "larva"), ("worm-witvliet-9", "worm-witvliet-8"), ("optic-lobe-x", "optic-lobe")],
)
def test_an_unknown_name_is_answered_with_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(UnknownName, match=f"{nearest!r}"):
        load(given)


@pytest.mark.parametrize("given", ["", "optic-lobe-", "optic-lobe--3", "optic-lobe-1.5", "brain"])
def test_a_malformed_name_is_an_unknown_name(given: str) -> None:
    with pytest.raises(UnknownName, match="connectome"):
        load(given)
