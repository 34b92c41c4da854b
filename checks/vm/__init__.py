"""The scenarios on NixOS, in virtual machines."""
