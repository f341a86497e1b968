#!/usr/bin/env python3
"""Export a network: the command ``cdfi-export`` as a script. See ``--help``."""

from cdfi_export.cli import main

if __name__ == "__main__":
    main()
