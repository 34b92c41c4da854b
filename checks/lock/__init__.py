"""Which Python packages `make` installs: versions and hashes, and their licences."""
