"""`python -m checks.fake_data_mesher`, the same as the console script `data-mesher`."""

import sys

from checks.fake_data_mesher.cli import main

sys.exit(main())
