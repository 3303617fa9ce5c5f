"""``python -m agentrt``."""

from agentrt.cli.main import main

main()
