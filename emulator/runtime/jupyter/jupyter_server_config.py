# Read by a gateway of the process runtime, beside the files that vm-startup.sh mounts: its kernels listen on the instance's
# own address. Jupyter finds a kernel's ports free some time before the kernel takes them; on an address that all share,
# another one may have them by then, and ipykernel neither starts nor ends when that was its iopub port.
import os

from jupyter_client import localinterfaces

address = os.environ["DATALAB_EMULATOR_KERNEL_ADDRESS"]
# Of 127.0.0.0/8, all of which is this machine's, Jupyter knows 127.0.0.1 alone.
localinterfaces.local_ips().append(address)
c.KernelManager.ip = address  # noqa: F821
