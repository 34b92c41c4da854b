"""What a run by hand may do."""

import os

from dm_dns.node.config import Config


def drop_root(config: Config) -> None:
    """If root runs this, become the owner of the state directory: the user of dm-dns.service.

    dm-dns.service must be able to replace what a run by hand writes, and root must not follow a
    link that this user may have put there. Groups are those that the unit has: of unbound's control
    socket and of the mesh copy.
    """
    if os.geteuid() != 0 or not config.state.exists():
        return
    owner = config.state.stat()
    if owner.st_uid == 0:
        return
    files = (config.unbound.control, config.mesh)
    paths = [path for file in files for path in (file, *file.parents) if path.exists()]
    os.setgroups(sorted({path.stat().st_gid for path in paths}))
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
