"""JSON files in a checkpoint's folder, with one clear error for any that cannot be read."""

import json
from pathlib import Path
from typing import Any

from biobert_onnx.errors import json_fault
from biobert_onnx_export.checkpoint.file_kinds import check_content
from biobert_onnx_export.errors import CheckpointError


def read_json(path: Path) -> dict[str, Any]:
    """Read the JSON object in `path`; raises CheckpointError if there is none."""
    content = read_any_json(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"'{path}' holds a {type(content).__name__}, expected a JSON object")
    return content


def read_any_json(path: Path) -> Any:
    """Read the JSON value in `path`; raises CheckpointError if the file is missing or damaged."""
    try:
        check_content(path)
        text = path.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise CheckpointError(f"'{path}' begins with a byte-order mark: save it as UTF-8 without one")
        return json.loads(text)
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"'{path.parent}' holds no {path.name}: it is no checkpoint's folder") from error
    except OSError as error:
        raise CheckpointError(f"'{path}' cannot be read ({error.strerror}): change its permissions") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"'{path}' cannot be read as JSON ({json_fault(error)}): download it again") from error
