#!/usr/bin/env python3
"""Writes docs/openapi.yaml as the JSON that the program serves. `--check` only compares."""
import json
import pathlib
import sys

import yaml

root = pathlib.Path(__file__).resolve().parents[2]
target = root / "Sources/SessionAPI/Page/openapi.json"
document = yaml.safe_load((root / "docs/openapi.yaml").read_text())
text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
if "--check" in sys.argv[1:]:
    if target.read_text() != text:
        sys.exit(f"{target.relative_to(root)} is not docs/openapi.yaml; `make openapi` writes it anew")
else:
    target.write_text(text)
