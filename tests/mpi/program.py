#!/usr/bin/env python3
"""`hagane-mpi train` as ranks of MPI follows the curve of `hagane train`, and goes on after a stop.

  program.py MPIRUN RANKS HAGANE_MPI HAGANE FOLDER
"""
import json, os, random, shutil, signal, subprocess, sys, time

mpirun, ranks, mpi, alone, folder = sys.argv[1:]
OPTIONS = "--arch qdf-classic train.txt --validation val.txt --set epochs=12 --set width=12 --set hk=6 --set rate=0.003 --seed 5 --threads 1".split()


def write(name, n, seed):
    r = random.Random(seed)
    with open(os.path.join(folder, name), "w", encoding="ascii") as f:
        for i in range(n):
            a, b, d = r.choice("HCNOF"), r.choice("HCNOF"), r.uniform(0.9, 1.4)
            f.write(f"{name}_{i}\n{a} 0.0 0.0 0.0\n{b} {d:.4f} 0.1 0.0\nH {d:.4f} 0.9 0.2\n{-5 - d:.6f}\n\n")


def run(*words):
    return subprocess.run([str(w) for w in words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200)


def good(done):
    if done.returncode:
        sys.exit(f"{' '.join(done.args)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def curve(name):
    with open(os.path.join(folder, name), encoding="ascii") as f:
        return [json.loads(line) for line in f]


def same(a, b):
    assert [x["step"] for x in a] == [x["step"] for x in b] and len(a) == 12, (a, b)
    for x, y in zip(a, b):
        for key in ("train_loss", "metric"):
            assert abs(x[key] - y[key]) < 1e-3 * abs(y[key]), (key, x, y)


shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
write("train.txt", 14, 1)
write("val.txt", 3, 2)
together = [mpirun, "-n", ranks, mpi, "train"] + OPTIONS
good(run(alone, "train", *OPTIONS, "--log", "alone.jsonl", "--out", "alone"))
done = good(run(*together, "--log", "ranks.jsonl", "--out", "ranks"))
assert done.stdout.count("learned from 14 molecules") == 1, done.stdout
same(curve("ranks.jsonl"), curve("alone.jsonl"))
assert sorted(os.listdir(os.path.join(folder, "ranks"))) == ["card.json", "weights.safetensors"]

# Asked to stop, all ranks leave after one batch; killed or not, they go on with the same bits.
checkpoint = os.path.join(folder, "stopped.checkpoint")
words = together + ["--log", "stopped.jsonl", "--out", "stopped", "--resume"]
process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
until = time.monotonic() + 60
while not os.path.exists(checkpoint) and process.poll() is None and time.monotonic() < until:
    time.sleep(0.005)
process.send_signal(signal.SIGTERM)
process.wait(timeout=60)
good(run(*words))
with open(os.path.join(folder, "ranks", "weights.safetensors"), "rb") as a, open(os.path.join(folder, "stopped", "weights.safetensors"), "rb") as b:
    assert a.read() == b.read()
assert not os.path.exists(checkpoint)
shutil.rmtree(folder)
