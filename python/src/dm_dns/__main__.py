"""`python -m dm_dns`."""

import sys

from dm_dns.cli import main

sys.exit(main())
