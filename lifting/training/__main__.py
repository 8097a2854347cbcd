"""`python -m lifting.training`: see `lifting.training.run`."""

from lifting.training.run import main

main()
