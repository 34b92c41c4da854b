"""That the text of strings in Nix files is found."""

from checks.module.nix_strings import literals


def test_the_text_is_in_pieces_between_what_is_interpolated() -> None:
    nix = r"""
      # "a comment"
      /* and "another" */
      { one = "of ${quoted { name = "two ${three}"; }} words\nand \"more\""; four = 5; }
    """
    assert literals(nix) == ["of", "two", r"words and \"more\""]


def test_an_indented_string_is_on_one_line() -> None:
    nix = """
      x: {
        message = ''
          first ${x}
          and ''${y} '''z
          "last"
        '';
        other = "b";
      }
    """
    assert literals(nix) == ["first", "and ''${y} '''z \"last\"", "b"]
