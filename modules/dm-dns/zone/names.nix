# Which names a zone can have; the same rules as in python/src/dm_dns/zone/names.py.
{ lib }:
let
  inherit (lib)
    any
    filter
    findFirst
    hasInfix
    head
    match
    removeSuffix
    splitString
    stringLength
    stringToCharacters
    tail
    toLower
    ;

  limits = import ./limits.nix;

  label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
  isName = name: match "(\\*\\.)?(${label}\\.)*${label}" name != null;

  # Bytes above DEL belong to characters that are not ASCII. `dm-dns render` converts these to
  # A-labels (IDNA 2008), and checks the result.
  del = builtins.fromJSON ''"\u007f"'';
  isForeign = character: !(character > del) && match "[a-z0-9_-]" character == null;

  labelProblem =
    text:
    let
      characters = stringToCharacters text;
      foreign = filter isForeign characters;
      size = stringLength text;
    in
    if text == "" then
      "it has an empty label (two dots in a row, or one at its start)"
    else if hasInfix "*" text then
      "'*' is allowed only as the whole first label"
    else if foreign != [ ] then
      "${builtins.toJSON (head foreign)} is not allowed in a name; use letters, digits, '-' and '_'"
    else if any (character: character > del) characters then
      null
    else if size > limits.label then
      "a label of it has ${toString size} characters; a label has at most ${toString limits.label}"
    else if match label text == null then
      "label '${text}' starts or ends with '-'"
    else
      null;

  nameProblem =
    name:
    let
      labels = splitString "." name;
      withoutWildcard = if head labels == "*" then tail labels else labels;
      labelsProblem = findFirst (problem: problem != null) null (map labelProblem withoutWildcard);
      isASCII = !any (character: character > del) (stringToCharacters name);
      size = stringLength name;
    in
    if labelsProblem == null && isASCII && size > limits.name then
      "it has ${toString size} characters; a name has at most ${toString limits.name}"
    else
      labelsProblem;

  # The label, directly below the domain, whose TXT record says which zone a machine serves.
  statusLabel = "_dm-dns";
  reserved = "it is reserved for the status of dm-dns";
in
{
  inherit reserved statusLabel;

  # Upper case and one trailing dot do not matter.
  canonical = name: removeSuffix "." (toLower name);

  # The rule that a canonical name breaks, or null. The regular expression accepts nearly all names;
  # the length is checked first, because its engine recurses.
  problem = name: if stringLength name <= limits.name && isName name then null else nameProblem name;

  # The rule that a machine's or a device's name, in lower case, breaks, or null. It is not converted:
  # only ASCII has no second form.
  ownProblem =
    name:
    if hasInfix "." name then
      "it has a '.'; it must be a single label"
    else if name == statusLabel then
      reserved
    else if any (character: character > del) (stringToCharacters name) then
      "it has a character that is not ASCII; use letters, digits, '-' and '_'"
    else
      labelProblem name;
}
