"""Keeps the garbage collector off what lives as long as the process, so that collections stop it less long."""

import gc


def set_aside_what_stays() -> None:
    """Call it once all modules and schemas are loaded: the collector never walks over what there is now again.

    A busy gateway's full collections took 115 to 130 ms every four seconds with them.
    """
    gc.collect()
    gc.freeze()
