# The vars generator `dm-dns-signing-key`, which makes the key pair. Only machines with the role
# push declare it: others must not have the private key.
{ config, ... }:
{
  clan.core.vars.generators.dm-dns-signing-key = {
    share = true;
    files."signing.key" = { };
    files."signing.pub".secret = false;
    runtimeInputs = [ config.services.dm-dns.package ];
    script = ''
      dm-dns keygen "$out"
    '';
  };
}
