"""scikit-learn doing the work of bench/suggest: learn a GP on n points, predict mean and sd of the pool, take argmax EI.

usage: gp_sklearn.py FILE n d m restarts     FILE: float64 x[n,d], y[n], pool[m,d]
Prints one JSON object. The kernel is ConstantKernel * Matern(nu = 2.5, one length scale a column) + WhiteKernel.
"""
import json
import sys
import time
import warnings

import numpy as np
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

path, n, d, m, restarts = sys.argv[1], *map(int, sys.argv[2:6])
raw = np.fromfile(path)
x, y, pool = raw[: n * d].reshape(n, d), raw[n * d : n * d + n], raw[n * d + n :].reshape(m, d)
warnings.simplefilter("ignore")

begin = time.perf_counter()
lo, hi = x.min(0), x.max(0)
scale = np.where(hi > lo, hi - lo, 1)
kernel = ConstantKernel() * Matern(np.full(d, 0.5), nu=2.5) + WhiteKernel(1e-2, (1e-8, 1e3))
gp = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=restarts - 1, random_state=0)
gp.fit((x - lo) / scale, y)
learned = time.perf_counter()
mean, sd = gp.predict((pool - lo) / scale, return_std=True)
sd = np.sqrt(np.maximum(sd**2 - np.exp(gp.kernel_.theta[-1]) * y.std() ** 2, 1e-30))
z = (y.min() - mean) / sd
best = int(np.argmax(sd * (z * norm.cdf(z) + norm.pdf(z))))
end = time.perf_counter()
print(json.dumps({"ms": 1e3 * (end - begin), "learn_ms": 1e3 * (learned - begin), "lml": gp.log_marginal_likelihood_value_,
                  "best": best, "mean": float(mean[best]), "sd": float(sd[best]), "rmse_check": float(mean.mean())}))
