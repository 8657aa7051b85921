"""``python -m chronik_auth_htpasswd USER`` asks for a password and prints the user's line."""

import getpass
import os
import sys

from chronik_auth_htpasswd.users import user_line


def main(arguments: list[str]) -> int:
    """Print a line, or how to use it."""
    if len(arguments) != 1 or ":" in arguments[0]:
        print("usage: python -m chronik_auth_htpasswd USER", file=sys.stderr)
        return 2
    print(user_line(arguments[0], getpass.getpass(), os.urandom(16)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
