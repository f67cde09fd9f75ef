#!/usr/bin/env python3
"""`hagane-mpi models build` as 2 and 4 ranks makes the pack that `hagane` makes alone, byte by byte, also after it was killed.

  factory.py MPIRUN HAGANE_MPI HAGANE FOLDER
"""
import glob, os, random, shutil, signal, subprocess, sys, time

mpirun, mpi, alone, folder = sys.argv[1:]
RECIPE = """
schema: hagane.factory/1
seed: 5
networks: {count: 9, keep: 2, layers: [1, 2], width: [10, 20], epochs: %d, least: %d}
sets:
  - table: t.csv
    inputs: [a, b]
    properties: [{name: sum, target: y}, {name: sign, target: s}]
  - table: t.csv
    inputs: [a]
    learner: ridge
    properties: [{name: half, target: y}]
"""


def write(name, text):
    with open(os.path.join(folder, name), "w", encoding="ascii") as f:
        f.write(text)


def build(words, recipe, out):
    words = words + ["models", "build", recipe, "--out", out + ".hgpack", "--threads", "1"]
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    with open(os.path.join(folder, out + ".hgpack"), "rb") as f:
        return done.stdout, f.read()


shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
draw = random.Random(1)
rows = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(300)]
write("t.csv", "a,b,y,s\n" + "".join(f"{a:.4f},{b:.4f},{a + 2 * b:.4f},{'up' if a > b else 'down'}\n" for a, b in rows))
write("short.yaml", RECIPE % (20, 20))
write("long.yaml", RECIPE % (300, 300))

_, want = build([alone], "short.yaml", "alone")
for ranks in "2", "4":
    said, got = build([mpirun, "-n", ranks, mpi], "short.yaml", "ranks" + ranks)
    assert got == want, f"{ranks} ranks made another pack than one process"
    assert said.count("3 models in") == 1, said

def ranks_of(session):
    """Processes of a session that have not ended."""
    found = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as f:
                state, _, _, of = f.read().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == session and state != "Z":
            found.append(int(stat.split("/")[2]))
    return found


# Four ranks, killed with some networks finished; one process goes on.
words = [mpirun, "-n", "4", mpi, "models", "build", "long.yaml", "--out", "killed.hgpack", "--threads", "1"]
process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
finished = os.path.join(folder, "killed.hgpack.work", "networks", "*", "*.safetensors")
until = time.monotonic() + 100
while not glob.glob(finished) and process.poll() is None and time.monotonic() < until:
    time.sleep(0.01)
was_there = process.poll() is None
if was_there:
    os.killpg(process.pid, signal.SIGKILL)
process.wait()
# Ranks are in process groups of their own, and outlive mpirun: each is killed, and none may be left that still writes.
while (left := ranks_of(process.pid)) and time.monotonic() < until:
    for rank in left:
        try:
            os.kill(rank, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.05)
assert not left, "ranks that cannot be killed"
kept = len(glob.glob(finished))
assert kept > 0
if was_there and kept < 18:
    assert not os.path.exists(os.path.join(folder, "killed.hgpack"))
else:
    print("it was too fast to be killed half-way")
_, killed = build([alone], "long.yaml", "killed")
_, whole = build([alone], "long.yaml", "whole")
assert killed == whole, "a run that was killed ended with another pack"
print(f"2 and 4 ranks: the pack of one process; killed after {kept} of 18 networks: the same pack in the end")
