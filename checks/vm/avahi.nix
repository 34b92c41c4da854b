# avahi, which the scenario starts.
{
  defaults =
    { lib, ... }:
    {
      services.avahi.enable = true;
      systemd.services.avahi-daemon.wantedBy = lib.mkForce [ ];
      systemd.sockets.avahi-daemon.wantedBy = lib.mkForce [ ];
    };
}
