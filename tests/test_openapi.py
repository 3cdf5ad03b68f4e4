"""`docs/openapi.yaml` keeps to the specification, and the make words that say so run what they say."""

import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "openapi.yaml"


def commands(word: str) -> str:
    """What `make <word>` would run, the parts that install apart."""
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", word], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_document_keeps_to_the_specification():
    spec, _ = read_from_filename(str(DOCUMENT))
    validate(spec)


def test_a_document_that_does_not_is_refused(tmp_path: Path):
    broken = tmp_path / "openapi.yaml"
    broken.write_text(DOCUMENT.read_text().replace("paths:", "pahts:", 1))
    command = [Path(sys.executable).parent / "openapi-spec-validator", broken]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_word_validates_the_document_in_the_tree():
    assert commands("openapi-validate").rstrip().endswith("openapi-spec-validator docs/openapi.yaml")


def test_the_word_for_a_container_validates_with_the_same_version():
    pinned = next(
        line
        for line in (ROOT / "requirements" / "dev.txt").read_text().splitlines()
        if line.startswith("openapi-spec-validator==")
    )
    text = commands("openapi-validate-docker")
    assert "docker run --rm" in text
    assert f'-v "{DOCUMENT}:/openapi.yaml:ro"' in text
    assert "$(grep '^openapi-spec-validator==' requirements/dev.txt)" in text
    assert text.rstrip().endswith('&& openapi-spec-validator /openapi.yaml"')
    assert pinned.count("==") == 1
