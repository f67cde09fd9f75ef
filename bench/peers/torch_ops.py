"""PyTorch doing the work of bench/tensor: the same cases, sizes and way of timing.

usage: torch_ops.py THREADS SECONDS CLOCK key=size ...     CLOCK: wall or cpu
Prints one JSON object: milliseconds, median, by the name of the case.
"""
import json
import math
import os
import statistics
import sys
import time

threads, seconds, clock = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # torch.set_num_threads does not reach Debian's OpenBLAS
os.environ["GOMP_SPINCOUNT"] = "1000"  # else PyTorch's threads and OpenBLAS's wait for each other on the same cores
import torch
import torch.nn.functional as F

size = {key: int(value) for key, value in (word.split("=") for word in sys.argv[4:])}
now = time.process_time if clock == "cpu" else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(0)


def median_ms(run):
    for _ in range(2):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - begin < seconds and len(times) < 1000):
        start = now()
        run()
        times.append(1e3 * (now() - start))
    return statistics.median(times)


def normal(*shape, grad=False):
    return torch.randn(*shape).requires_grad_(grad)


rows, width, large, channels = size["rows"], size["width"], size["edges"], size["channels"]
cases = {}


def forward(name, f):
    def run():
        with torch.no_grad():
            f()
    cases[name] = run


def both(name, leaves, f):
    """Forward, sum, backward."""
    def run():
        for x in leaves:
            x.grad = None
        f().sum().backward()
    cases[name] = run


def elementwise(end, n, m):
    x, y, row, one = normal(n, m), normal(n, m), normal(m), torch.ones(())
    forward("silu" + end, lambda: F.silu(x))
    forward("gelu" + end, lambda: F.gelu(x))
    forward("tanh" + end, lambda: torch.tanh(x))
    forward("add" + end, lambda: x + y)
    forward("mul_row" + end, lambda: x * row)
    forward("affine" + end, lambda: torch.add(one, x, alpha=2))
    forward("sum_all" + end, lambda: x.sum())
    forward("sum_rows" + end, lambda: x.sum(0))
    forward("sum_columns" + end, lambda: x.sum(1))


elementwise("", rows, width)
elementwise("_large", large, channels)
a, b = normal(rows, width, grad=True), normal(rows, width, grad=True)
both("silu_backward", [a], lambda: F.silu(a))
both("mul_add_backward", [a, b], lambda: a * b + a)

side = size["side"]
p, q = normal(side, side), normal(side, side)
forward("gemm", lambda: p @ q)

layer = torch.nn.Linear(width, width)
forward("linear_silu", lambda: F.silu(layer(a)))
both("linear_silu_backward", [a, layer.weight, layer.bias], lambda: F.silu(layer(a)))

nets, small = size["nets"], size["small"]
stack_x, stack_w = normal(nets, small, small, grad=True), normal(nets, small, small, grad=True)
forward("stack", lambda: stack_x @ stack_w)
both("stack_backward", [stack_x, stack_w], lambda: stack_x @ stack_w)

grid, grid_in, grid_out = size["grid"], size["grid_in"], size["grid_out"]
grid_x, grid_w, grid_y = normal(1, grid_in, grid, grid, grid, grad=True), normal(grid_out, grid_in, 3, 3, 3, grad=True), normal(1, grid_out, grid, grid, grid)
fixed_x = grid_x.detach()
forward("conv3d", lambda: F.conv3d(grid_x, grid_w, padding=1))
forward("conv3d_transposed", lambda: F.conv_transpose3d(grid_y, grid_w, padding=1))
both("conv3d_weights_backward", [grid_w], lambda: F.conv3d(fixed_x, grid_w, padding=1))
both("conv3d_backward", [grid_x, grid_w], lambda: F.conv3d(grid_x, grid_w, padding=1))

atoms = size["atoms"]
source = torch.randint(atoms, (large,))
target = torch.sort(torch.randint(atoms, (large,)))[0]
nodes, messages = normal(atoms, channels), normal(large, channels)
forward("gather", lambda: nodes.index_select(0, source))
forward("segment_sum", lambda: torch.zeros(atoms, channels).index_add_(0, target, messages))
forward("segment_sum_unsorted", lambda: torch.zeros(atoms, channels).index_add_(0, source, messages))
forward("softmax", lambda: F.softmax(a, 1))
forward("concat", lambda: torch.cat([a, b], 1))
norm = torch.nn.LayerNorm(width)
forward("layer_norm", lambda: norm(a))
both("layer_norm_backward", [a, norm.weight, norm.bias], lambda: norm(a))

distance = normal(large)
cut = 5.0
frequency, centre = torch.arange(1, 21) * math.pi / cut, torch.linspace(0, cut, 64)


def envelope(d):
    return torch.where(d < cut, 0.5 * (torch.cos(d * (math.pi / cut)) + 1), torch.zeros(()))


def bessel(d):
    d = d[:, None]
    return (2 / cut) ** 0.5 * torch.sin(frequency * d) / d * envelope(d)


def gaussians(d):
    d = d[:, None]
    return torch.exp(-0.5 * (63 / cut) ** 2 * (d - centre) ** 2) * envelope(d)


forward("bessel", lambda: bessel(distance))
forward("gaussians", lambda: gaussians(distance))


def step(name, net, loss):
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)

    def run():
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    cases[name] = run


def mlp(name, n, m):
    x, y = normal(n, m), normal(n, 1)
    net = torch.nn.Sequential(torch.nn.Linear(m, m), torch.nn.SiLU(), torch.nn.Linear(m, m), torch.nn.SiLU(), torch.nn.Linear(m, 1))
    step(name, net, lambda: F.mse_loss(net(x), y))


mlp("mlp_step", rows, width)
mlp("mlp_small_step", size["batch"], size["narrow"])


class Messages(torch.nn.Module):
    """SchNet's interaction (Schuett et al. 2018): filters of the edges, messages, sums, an update."""

    def __init__(self, features, m):
        super().__init__()
        self.embed = torch.nn.Parameter(torch.randn(size["graph_atoms"], m))
        self.filter = torch.nn.Sequential(torch.nn.Linear(features, m), torch.nn.SiLU(), torch.nn.Linear(m, m))
        self.before = torch.nn.Linear(m, m, bias=False)
        self.update = torch.nn.Sequential(torch.nn.Linear(m, m), torch.nn.SiLU(), torch.nn.Linear(m, m))
        self.read = torch.nn.Linear(m, 1)

    def forward(self, edges, source, target):
        h = self.embed
        m = self.before(h).index_select(0, source) * self.filter(edges)
        h = h + self.update(torch.zeros_like(h).index_add_(0, target, m))
        return self.read(h)


graph_atoms, graph_edges = size["graph_atoms"], size["graph_edges"]
graph_source = torch.randint(graph_atoms, (graph_edges,))
graph_target = torch.sort(torch.randint(graph_atoms, (graph_edges,)))[0]
edges, wanted = normal(graph_edges, size["features"]), normal(graph_atoms, 1)
graph = Messages(size["features"], channels)
step("graph_step", graph, lambda: F.mse_loss(graph(edges, graph_source, graph_target), wanted))



class Voxels(torch.nn.Module):
    """Three convolutions of a grid, two poolings between them, the mean, one number."""

    def __init__(self, m):
        super().__init__()
        sizes = [(1, m), (m, 2 * m), (2 * m, 2 * m)]
        self.conv = torch.nn.ModuleList(torch.nn.Conv3d(i, o, 3, padding=1) for i, o in sizes)
        self.read = torch.nn.Linear(2 * m, 1)

    def forward(self, x):
        x = F.max_pool3d(F.silu(self.conv[0](x)), 2)
        x = F.max_pool3d(F.silu(self.conv[1](x)), 2)
        return self.read(F.silu(self.conv[2](x)).mean((2, 3, 4)))


voxels, grids = Voxels(size["grid_width"]), normal(size["grids"], 1, grid, grid, grid)
voxel_target = normal(size["grids"], 1)
step("conv3d_step", voxels, lambda: F.mse_loss(voxels(grids), voxel_target))

print(json.dumps({name: median_ms(run) for name, run in cases.items()}))
