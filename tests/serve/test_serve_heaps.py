"""A server's threads share two heaps of the C library, so that what many threads freed is not kept by each."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys, tempfile, threading
from freehold.serve.front import few_heaps
if sys.argv[1] == "few":
    few_heaps()
ready, held = threading.Barrier(9), []
def work():
    ready.wait()
    held.append([bytearray(100_000) for _ in range(50)])
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads:
    each.start()
ready.wait()
ready.wait()
for each in threads:
    each.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as place:
    file = ctypes.c_void_p(libc.fopen(place.name.encode(), b"w"))
    assert libc.malloc_info(0, file) == 0
    libc.fclose(file)
    print(open(place.name).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_many_threads_have_two_heaps_and_no_more() -> None:
    """The same threads have more without: the limit is what makes the difference."""

    def count(how: str) -> int:
        ran = subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True)
        return int(ran.stdout)

    assert count("few") <= 2 < count("many")
