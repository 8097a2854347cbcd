"""`python -m lifting.training`: see `lifting.training.command`."""

from lifting.training.command import main

main()
