"""JAX over all processes of a cluster: each knows the devices of all."""

import json
import signal
import sys

from harness.process.cluster import PATIENCE, Cluster, find_port
from pipeline.errors import BadInput
from pipeline.quiet import silenced


def start(cluster: Cluster) -> None:
    """Have JAX know the devices of all processes; before it starts. BadInput where they do not find each other."""
    import jax

    host = cluster.place.addresses[0][0]
    if cluster.leads:
        # That of --cluster is taken by what the processes say to each other.
        port = find_port(host)
        cluster.tell(json.dumps(port).encode())
    else:
        port = int(json.loads(cluster.receive()))
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    # Of the CPUs alone; GPUs have NCCL.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            address,
            cluster.place.count,
            cluster.place.process,
            initialization_timeout=int(PATIENCE),
            coordinator_bind_address=address,
        )
    except RuntimeError as error:
        raise BadInput(f"--cluster: JAX does not reach the other processes ({error!s:.200})") from None
    # JAX has taken it, to note that a machine is to be given up; a training saves on it, see interrupt.py.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


def connect(devices: int) -> None:
    """Have the devices of all processes exchange a number, for which they connect. devices: of each process.

    On the CPU they exchange over TCP (Gloo). Then JAX's own watch over the processes is ended: where one has gone it
    aborts the others, with a trace of the stack; here they find their connections closed, and say it in a line (see
    cluster.py). With GPUs it stays: NCCL does not note that a process has gone.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    every = list_devices(devices)
    rows = PartitionSpec("batch")
    mesh = Mesh(np.array(every), ("batch",))
    add = jax.shard_map(lambda one: jax.lax.psum(one, "batch"), mesh=mesh, in_specs=rows, out_specs=PartitionSpec())
    ones = jax.make_array_from_process_local_data(NamedSharding(mesh, rows), np.ones(devices, "float32"))
    sys.stdout.flush()
    # Gloo writes its notes there.
    with silenced(1):
        total = jax.jit(add)(ones).addressable_data(0)
    if float(jnp.sum(total)) != len(every):
        raise BadInput(f"--cluster: {len(every)} devices add 1 each, and find {float(total[0])}")
    if every[0].platform == "cpu":
        jax.distributed.shutdown()


def list_devices(count: int) -> list:
    """Return the first so many devices of each process, in the order of the processes."""
    import jax

    return [one for process in range(jax.process_count()) for one in jax.local_devices(process)[:count]]
