"""`python -m lifting FILE -o OUT`: see `lifting.own.command`."""

from lifting.own.command import main

main()
