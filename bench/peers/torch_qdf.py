#!/usr/bin/env python3
"""The published function of Quantum Deep Field in PyTorch, for bench/qdf: molecules a second of processor time, predicting and training.

  torch_qdf.py MOLECULES.txt.xz      prints two numbers: predictions from coordinates, and training steps' molecules

Batches of four as the authors have them: the orbitals of a batch stand in one block-diagonal matrix. Weights are random: only time counts.
"""
import lzma, os, sys, time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # torch.set_num_threads does not reach Debian's OpenBLAS
import numpy as np
import torch

torch.set_num_threads(1)
DIM, LAYERS, BATCH = 250, 3, 4
BASIS = {"C": (0, 6, 8), "H": (14, 4, 0), "O": (18, 6, 8), "N": (32, 6, 8), "F": (46, 6, 8)}
NUMBER = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
steps = np.arange(-0.75, 0.76, 0.3)
cube = np.array([(x, y, z) for x in steps for y in steps for z in steps])
SPHERE = cube[(cube**2).sum(1) <= 0.75**2 + 1e-9]


def read(path, most):
    for block in lzma.open(path, "rt").read().strip().split("\n\n")[:most]:
        lines = block.split("\n")
        atoms = [line.split() for line in lines[1:-1]]
        yield [a[0] for a in atoms], np.array([[float(x) for x in a[1:]] for a in atoms]), float(lines[-1].split()[0])


def prepare(molecule):
    names, r, energy = molecule
    points = (r[:, None, :] + SPHERE[None]).reshape(-1, 3)
    d = np.sqrt(((points[:, None, :] - r[None]) ** 2).sum(2))
    types, atom, power = [], [], []
    for a, name in enumerate(names):
        first, one, two = BASIS[name]
        types += range(first, first + one + two)
        atom += [a] * (one + two)
        power += [0] * one + [1] * two
    z = np.array([NUMBER[n] for n in names])
    potential = -(z[None] * np.exp(-(d**2))).sum(1)
    return types, d[:, atom].astype(np.float32), np.array(power), float(z.sum()), potential.astype(np.float32), energy


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.coefficient = torch.nn.Embedding(60, DIM)
        self.zeta = torch.nn.Embedding(60, 1)
        torch.nn.init.ones_(self.zeta.weight)
        self.functional = torch.nn.ModuleList(torch.nn.Linear(DIM, DIM) for _ in range(LAYERS))
        self.energy = torch.nn.Linear(DIM, 1)
        self.density = torch.nn.Linear(1, DIM)
        self.hk = torch.nn.ModuleList(torch.nn.Linear(DIM, DIM) for _ in range(LAYERS))
        self.potential = torch.nn.Linear(DIM, 1)

    def psi(self, batch):
        rows, columns = sum(len(b[1]) for b in batch), sum(len(b[0]) for b in batch)
        d = torch.full((rows, columns), 1e6)
        power, types, at, to, blocks = torch.zeros(columns), [], 0, 0, []
        for b in batch:
            n, m = b[1].shape
            d[at : at + n, to : to + m] = torch.from_numpy(b[1])
            power[to : to + m] = torch.from_numpy(b[2].astype(np.float32))
            types += b[0]
            blocks.append((at, at + n, to, to + m))
            at, to = at + n, to + m
        types = torch.tensor(types)
        phi = d**power * torch.exp(-self.zeta(types).squeeze(1) * d**2)
        phi = torch.nn.functional.normalize(phi, 2, 0)
        c = torch.cat([torch.nn.functional.normalize(self.coefficient(types[f:t]), 2, 0) for _, _, f, t in blocks])
        psi = torch.matmul(phi, c)
        parts = [(b[3] / DIM) ** 0.5 * torch.nn.functional.normalize(psi[f:t], 2, 0) for b, (f, t, _, _) in zip(batch, blocks)]
        return torch.cat(parts), [t - f for f, t, _, _ in blocks]

    def predict(self, batch):
        v, sizes = self.psi(batch)
        for layer in self.functional:
            v = torch.relu(layer(v))
        return self.energy(torch.stack([part.sum(0) for part in torch.split(v, sizes)]))

    def field(self, batch):
        v = self.density((self.psi(batch)[0] ** 2).sum(1, keepdim=True))
        for layer in self.hk:
            v = torch.relu(layer(v))
        return self.potential(v)


molecules = list(read(sys.argv[1], 400))
model = Model()
with torch.no_grad():
    model.predict([prepare(m) for m in molecules[:BATCH]])
    start = time.process_time()
    for i in range(0, len(molecules), BATCH):
        model.predict([prepare(m) for m in molecules[i : i + BATCH]])
    predicted = len(molecules) / (time.process_time() - start)

ready = [prepare(m) for m in molecules[:100]]
optimizer = torch.optim.Adam(model.parameters(), 1e-4)
mse = torch.nn.functional.mse_loss
start = time.process_time()
for i in range(0, len(ready), BATCH):
    batch = ready[i : i + BATCH]
    for loss in (
        lambda: mse(model.predict(batch), torch.tensor([[b[5]] for b in batch])),
        lambda: mse(model.field(batch), torch.cat([torch.from_numpy(b[4]) for b in batch])[:, None]),
    ):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
print(predicted, len(ready) / (time.process_time() - start))
