"""``step3 cluster``: prepare a Dask cluster for an installation, and check it.

Belongs here: certificates, the state of the cluster. Does not belong here: starting schedulers and
workers (Dask's own commands do that), or the work (:mod:`step3_assets.domain.core.cluster`).
"""

from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed


@click.group()
def cluster() -> None:
    """Compute on several machines: make certificates for a Dask cluster, and check it.

    \b
    On the machine that holds the installation:
        step3 cluster certs --out certs --host 10.0.0.5 --host 10.0.0.6
    On the machines named, with the folder's files (over a channel you trust):
        dask scheduler --protocol tls --tls-ca-file certs/ca.pem \\
            --tls-cert certs/node.pem --tls-key certs/node.key
        dask worker tls://10.0.0.5:8786 --nthreads 1 --nworkers 4 --tls-ca-file ...
    In step3.toml:
        [compute]
        backend = "dask"
        address = "tls://10.0.0.5:8786"
    """


@cluster.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for ca.pem, node.pem and node.key. It must not hold these files yet.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    default=("127.0.0.1", "localhost"),
    show_default=True,
    help="Address or name of a machine of the cluster; repeat for each machine.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Validity."
)
def certs(out: Path, hosts: tuple[str, ...], days: int) -> None:
    """Make an authority and one certificate that all machines of the cluster share.

    Anyone who has node.key can run code on every worker: copy it to the machines of the cluster
    only. The key of the authority is not kept, so to add a machine later you make all certificates
    again.
    """
    names = ("ca.pem", "node.pem", "node.key")
    if there := [name for name in names if (out / name).exists()]:
        raise CommandFailed(f"{out} holds {', '.join(there)} already: name another folder in --out")
    try:
        from step3_assets.cli.certificates import make_certificates
    except ImportError as error:
        raise CommandFailed(
            "certificates need the extra `cluster`: pip install 'step3-assets[cluster]'"
        ) from error
    made = make_certificates(hosts, days)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in names:
        path = out / name
        path.touch(mode=0o600)
        path.write_bytes(made[name])
    click.echo(f"{out}: {', '.join(names)}, for {', '.join(hosts)}, valid {days} days")


@cluster.command()
def status() -> None:
    """Check that the cluster answers and that every worker may compute for this installation."""
    from step3_assets.defs.settings import load_settings
    from step3_assets.domain.core.cluster import ClusterError, Connection

    compute = load_settings().compute
    if compute.backend != "dask":
        raise CommandFailed("step3.toml has no [compute] backend = 'dask'")
    try:
        connection = Connection(compute)
    except ClusterError as error:
        raise CommandFailed(str(error)) from error
    try:
        for worker in connection.workers():
            click.echo(worker)
    finally:
        connection.close()
