#!/usr/bin/env python3
"""Training steps of BOTAN in PyTorch, the formulae as published, for bench/glass.

  torch_botan.py SCENE WEIGHTS STEPS THREADS

SCENE is what bench/glass_tasks/botan.c writes: a graph and its labels. WEIGHTS are the 54,209 floats of the authors, in the order of their names.
Prints the least seconds of a step by the clock and of the processor, without the first step, and the loss of the last one, before it.
"""
import os, sys, time

path, weights, steps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # torch.set_num_threads does not reach Debian's OpenBLAS
import numpy as np
import torch
from torch import nn

torch.set_num_threads(threads)
WIDTH, P = 64, 0.4


class MLP(nn.Module):
    def __init__(self, inputs, last=None):
        super().__init__()
        layers = [nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()]
        self.layers = nn.Sequential(*layers, *([nn.Linear(WIDTH, last)] if last else []))

    def forward(self, x):
        return self.layers(x)


class Botan(nn.Module):
    def __init__(self):
        super().__init__()
        self.node_encoder, self.edge_encoder, self.decoder = MLP(1), MLP(3), MLP(WIDTH, 1)
        self.edge_model, self.node_model = MLP(4 * WIDTH), MLP(3 * WIDTH)

    def forward(self, kind, d, source, target):
        x = x0 = self.node_encoder(kind)
        e = e0 = self.edge_encoder(d)
        for _ in range(7):
            e = self.edge_model(torch.cat([x[source], x[target], e, e0], 1))
            x = self.node_model(torch.cat([x, x0, torch.zeros_like(x).index_add(0, target, e)], 1))
        return self.decoder(x), self.decoder(e)


with open(path, "rb") as f:
    n, m = np.fromfile(f, np.uint64, 2).tolist()
    floats = lambda *shape: torch.from_numpy(np.fromfile(f, np.float32, int(np.prod(shape))).reshape(shape))
    whole = lambda: torch.from_numpy(np.fromfile(f, np.uint32, m).astype(np.int64))
    kind, source, target, d, node, edge = floats(n, 1), whole(), whole(), floats(m, 3), floats(n, 1), floats(m, 1)

botan, at = Botan(), 0
values = torch.from_numpy(np.fromfile(weights, np.float32))
with torch.no_grad():
    for p in botan.parameters():
        p.copy_(values[at : at + p.numel()].reshape(p.shape))
        at += p.numel()
assert at == len(values) == 54209

optimiser, mse = torch.optim.Adam(botan.parameters(), lr=1e-4, eps=1e-8), nn.MSELoss()
wall, cpu = [], []
for _ in range(steps):
    begin, busy = time.perf_counter(), time.process_time()
    optimiser.zero_grad(set_to_none=True)
    x, e = botan(kind, d, source, target)
    loss = P * mse(x, node) + (1 - P) * mse(e, edge)
    loss.backward()
    nn.utils.clip_grad_norm_(botan.parameters(), 1.0)
    optimiser.step()
    wall.append(time.perf_counter() - begin)
    cpu.append(time.process_time() - busy)
print(min(wall[1:]), min(cpu[1:]), loss.item())
