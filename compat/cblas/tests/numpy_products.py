"""numpy's `@` through this library: `LD_PRELOAD=liblapidary_cblas.so python3 numpy_products.py`.

Results are compared with numpy's own loops (einsum), and with themselves: that a row of a batch has the bits it has
alone is this library's promise, and no other's.
"""

import os
import sys
import time

import numpy as np

random = np.random.default_rng(1)


def matrix(dtype, rows, cols, order):
    values = random.uniform(-1, 1, (rows, cols))
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * random.uniform(-1, 1, (rows, cols))
    return np.array(values, dtype=dtype, order=order)


for dtype in (np.float32, np.float64, np.complex64, np.complex128):
    tolerance = 1e-4 if dtype in (np.float32, np.complex64) else 1e-12
    for m, k, n in [(1, 1, 1), (3, 5, 2), (100, 80, 60), (257, 300, 129)]:
        for order_a in "CF":
            for order_b in "CF":
                a, b = matrix(dtype, m, k, order_a), matrix(dtype, k, n, order_b)
                c = a @ b
                assert np.allclose(c, np.einsum("ik,kj->ij", a, b), atol=tolerance, rtol=tolerance), (dtype, m, k, n)
                row = np.ascontiguousarray(a[m // 2 : m // 2 + 2])
                assert m < 2 or (row @ b).tobytes() == c[m // 2 : m // 2 + 2].tobytes(), (dtype, m, k, n)
                if not np.iscomplexobj(a):
                    x = b[:, 0].copy()
                    assert np.allclose(a @ x, c[:, 0], atol=tolerance, rtol=tolerance), (dtype, m, k, n)

# A child of a process whose pool has been used.
a = matrix(np.float64, 500, 500, "C")
c = a @ a
child = os.fork()
if child == 0:
    os._exit(0 if (a @ a).tobytes() == c.tobytes() else 1)
assert os.waitpid(child, 0)[1] == 0

if "--time" in sys.argv:
    for dtype in (np.float32, np.float64, np.complex128):
        for n in (64, 256, 1024):
            a, b = matrix(dtype, n, n, "C"), matrix(dtype, n, n, "C")
            calls = max(1, int(1e9 / n**3 / 4))
            a @ b
            start = time.perf_counter()
            for _ in range(calls):
                a @ b
            flops = (8 if np.iscomplexobj(a) else 2) * n**3 * calls
            print(f"{np.dtype(dtype).name:>10} {n:>5} {flops / (time.perf_counter() - start) / 1e9:8.1f} GFLOP/s")
