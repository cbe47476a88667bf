"""Generator of docs/reference/openapi.json, the description of the HTTP API, from the code that answers its requests.

`python -m docs.openapi` writes the file, `--check` fails if it is not current.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from docs.openapi.document import description

FILE: Final = Path(__file__).parents[1] / "reference" / "openapi.json"


def main() -> int:
    """Return 1 if the file should be current and is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the file is not current")
    text = json.dumps(description(), indent=2, ensure_ascii=False) + "\n"
    if parser.parse_args().check:
        if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
            sys.stderr.write("docs/reference/openapi.json is not current; run: python -m docs.openapi\n")
            return 1
        return 0
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
