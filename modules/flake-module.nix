{
  # What `module = { input = "dm-dns"; name = "dm-dns"; }` in a clan's inventory refers to.
  flake.clan.modules.dm-dns = ./dm-dns;
}
