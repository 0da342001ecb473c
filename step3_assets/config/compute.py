"""Settings of where the heavy work runs: here, in local processes, or on a Dask cluster.

Belongs here: where work runs and how that place is reached. Does not belong here: the work itself
(:mod:`step3_assets.domain.core.parallel`). No setting here changes a result.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen


class TlsConfig(Frozen):
    """Certificates of the cluster: each machine has one, all signed by the same authority."""

    ca_file: str = Field(description="Certificate of the authority, PEM.")
    cert_file: str = Field(description="This machine's certificate, PEM.")
    key_file: str = Field(description="This machine's private key, PEM; readable by its user only.")


class ComputeConfig(Frozen):
    """Where months, search trials, certified worlds and retrainings are computed."""

    backend: Literal["processes", "dask"] = Field(
        default="processes",
        description="`processes` on this machine (`workers` of them; 1 computes in the run's own "
        "process) or a `dask` cluster.",
    )
    address: str | None = Field(
        default=None,
        description="The scheduler of the Dask cluster, for example tls://10.0.0.5:8786.",
    )
    tls: TlsConfig | None = Field(
        default=None,
        description="Certificates; without them the scheduler must be on this machine, because "
        "whoever can speak to a worker can run code on it.",
    )
    patience_s: float = Field(
        default=120.0,
        gt=0,
        le=86_400,
        description="Seconds without any worker or scheduler before the run gives up: long enough "
        "for a restart.",
    )

    @model_validator(mode="after")
    def _address_fits_backend(self) -> Self:
        if self.backend != "dask":
            return self
        if not self.address:
            raise ValueError("address: backend = 'dask' needs the scheduler's address")
        is_encrypted = self.address.startswith("tls://")
        if is_encrypted != (self.tls is not None):
            raise ValueError("address: a tls:// address and [compute.tls] go together")
        host = self.address.split("://")[-1].rsplit(":", 1)[0].strip("[]")
        if not is_encrypted and host not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError(
                f"address: {self.address} is another machine, and the connection is not "
                "encrypted: set up [compute.tls] and use tls://"
            )
        return self
