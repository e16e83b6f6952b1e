#!/usr/bin/env bash
# Build the environment that real Rasa runs in: Python 3.10, Rasa Open Source 3.6.21. About 5 minutes and 2.7 GB.
#
#   bench/parity/make_rasa_venv.sh FOLDER [PYTHON3.10]
#
# Rasa is never installed into the project's own environment.
set -euo pipefail
folder=${1:?say where the environment goes}
python=${2:-python3.10}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' || {
  echo "$python is not Python 3.10, the last one that Rasa 3.6 runs on." >&2
  exit 1
}
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --upgrade "pip<25" "setuptools<70" wheel
"$folder/bin/python" -m pip install --quiet "rasa==3.6.21"
RASA_TELEMETRY_ENABLED=false "$folder/bin/rasa" --version
echo "Rasa is at $folder/bin/rasa"
