# Names, addresses and paths that several parts of the module use.
let
  meshFolder = "dns";
  meshFile = "${meshFolder}/cnames";
  meshFiles = "/var/lib/data-mesher/files/home";
in
{
  # The user and the group that read what was received, and those of the unit that has the signing
  # key: what the first may be made to do cannot reach the key.
  user = "dm-dns";
  pushUser = "dm-dns-push";

  # Where a machine keeps the zone that unbound loads.
  stateDirectory = "/var/lib/dm-dns";

  # The mesh file with the zone, its folder, and where data-mesher puts both on a machine.
  inherit meshFile meshFolder;
  meshDirectory = "${meshFiles}/${meshFolder}";
  meshCopy = "${meshFiles}/${meshFile}";

  # Where unbound answers the machine's own programs, where dm-dns itself asks it, and the socket that
  # controls it. Any user could bind UDP port 5353 of 127.0.0.1 as well, because resolved's mDNS needs
  # SO_REUSEADDR there, and would answer in unbound's place: only root can bind a port below 1024. The
  # address is one of IPv6 because unbound takes one socket of systemd's for each family.
  address = "127.0.0.1";
  defaultPort = 5353;
  privileged = {
    address = "::1";
    port = 553;
  };
  controlSocket = "/run/unbound/unbound.ctl";

  # Where systemd-resolved answers programs, and where it asks for the clan's names and for short ones:
  # it looks for sockets in that folder.
  resolvedSocket = "/run/systemd/resolve/io.systemd.Resolve";
  hookSocket = "/run/systemd/resolve.hook/dm-dns";
  searchSocket = "/run/systemd/resolve.hook/dm-dns-search";
}
