"""That a clan has the packages without what is for development only.

`checks/module/clan.nix` gives flake.nix inputs of which only nixpkgs and systems can be used: each
case has the module without treefmt-nix, flake-parts and clan-core's module for tests.
"""

from checks.module.snapshot import read


def test_a_clan_has_the_packages_without_treefmt_and_tests() -> None:
    assert read("packages") == {"x86_64-linux": {"default": "dm-dns", "dm-dns": "dm-dns"}}
