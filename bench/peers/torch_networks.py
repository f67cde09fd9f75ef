"""PyTorch training the networks of bench/networks one after another.

usage: torch_networks.py ROWS INPUTS TRAIN BATCH EPOCHS WIDTH,WIDTH,... ...
ROWS: a file of floats, INPUTS numbers and the target a row, TRAIN rows to learn from first, the others to be judged by after each epoch.
Prints seconds of processor time, without reading the file, and the mean over networks of the least mean absolute error.
"""
import sys
import time

import numpy
import torch

path, inputs, train, batch, epochs = sys.argv[1], *(int(word) for word in sys.argv[2:6])
shapes = [[int(width) for width in word.split(",")] for word in sys.argv[6:]]
torch.set_num_threads(1)
rows = torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32).reshape(-1, inputs + 1))
x, y = rows[:, :inputs].contiguous(), rows[:, inputs:].contiguous()
x_judge, y_judge = x[train:], y[train:]
x, y = x[:train], y[:train]


def network(widths):
    layers, width = [], inputs
    for wide in widths:
        layers += [torch.nn.Linear(width, wide), torch.nn.ReLU()]
        width = wide
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))


def learn(widths):
    net, loss, best = network(widths), torch.nn.HuberLoss(), float("inf")
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0, foreach=True)
    for _ in range(epochs):
        for rows in torch.randperm(train).split(batch):
            optimiser.zero_grad(set_to_none=True)
            loss(net(x[rows]), y[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            best = min(best, (net(x_judge) - y_judge).abs().mean().item())
    return best


torch.manual_seed(0)
learn([8])  # what only the first use costs
begin = time.process_time()
errors = [learn(widths) for widths in shapes]
print(time.process_time() - begin, sum(errors) / len(errors))
