"""`python -m checks.mesh`, the same as the console script `data-mesher`."""

import sys

from checks.mesh.cli import main

sys.exit(main())
