"""An online charging system for MVNOs: reserve, commit, cap and account for usage in real time."""
