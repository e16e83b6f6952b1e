"""`python -m shoptalk.cli`."""

from shoptalk.cli import main

raise SystemExit(main())
