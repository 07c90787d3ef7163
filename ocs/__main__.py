"""`python -m ocs`, and the `ocs` command."""

from ocs.cli.main import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
