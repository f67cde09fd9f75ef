#!/usr/bin/env python3
"""examples/factory.slurm on a cluster of one machine makes the pack that `hagane` makes alone, byte by byte.

  slurm.py HAGANE EXAMPLES FOLDER

Starts munged, slurmctld and slurmd with files, sockets and ports of their own, and stops them again. Without the packages
(apt: slurmctld slurmd slurm-client munge) nothing is tested, which it says: exit code 77.
"""
import getpass, os, random, shutil, signal, socket, subprocess, sys, tempfile, time

hagane, examples, folder = sys.argv[1:]
PROGRAMS = "munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo"
os.environ["PATH"] += ":/usr/sbin:/sbin"
missing = [p for p in PROGRAMS if not shutil.which(p)]
if missing:
    print(f"NOT TESTED: {', '.join(missing)} not installed (apt: slurmctld slurmd slurm-client munge)")
    sys.exit(77)

RECIPE = """
schema: hagane.factory/1
seed: 5
networks: {count: 7, keep: 2, layers: [1, 2], width: [10, 20], epochs: 20, least: 20}
sets:
  - table: t.csv
    inputs: [a, b]
    properties: [{name: sum, target: y}]
"""
CONFIG = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
MailProg=/bin/true
SlurmctldPort={control}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={run}/munge.sock
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={run}/state
SlurmdSpoolDir={run}/spool
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.pid
SlurmctldLogFile={run}/slurmctld.log
SlurmdLogFile={run}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,default_queue_depth=100
ReturnToService=2
NodeName=here NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=here Default=YES MaxTime=INFINITE State=UP
"""
services = []
run = tempfile.mkdtemp(prefix="hg-slurm-", dir="/tmp")  # short: names of sockets have a limit
os.chmod(run, 0o711)  # munged wants its socket to be reached by all


def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*words):
    with open(os.path.join(run, os.path.basename(words[0]) + ".out"), "wb") as out:
        services.append(subprocess.Popen(words, stdout=out, stderr=out, cwd=run, start_new_session=True))


def stop():
    for s in reversed(services):
        s.terminate()
    for s in services:
        try:
            s.wait(5)
        except subprocess.TimeoutExpired:
            s.kill()
            s.wait()


def fail(words):
    for name in sorted(os.listdir(run)):
        if name.endswith((".log", ".out")):
            with open(os.path.join(run, name), errors="replace") as f:
                print(f"--- {name}\n{f.read()[-3000:]}")
    raise SystemExit(words)


def wait_for(what, good, seconds):
    until = time.monotonic() + seconds
    while not good():
        if time.monotonic() > until:
            fail(f"{what}: not within {seconds} s")
        time.sleep(0.2)


def said(*words):
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout.strip()


def ask(*words):
    code, text = said(*words)
    return text if code == 0 else fail(f"{' '.join(words)}: {code} {text}")


def cluster():
    for name in "state", "spool":
        os.mkdir(os.path.join(run, name))
    key = os.path.join(run, "munge.key")
    with open(key, "wb") as f:
        f.write(os.urandom(128))
    os.chmod(key, 0o400)
    config = os.path.join(run, "slurm.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write(CONFIG.format(run=run, user=getpass.getuser(), control=port(), node=port(), cpus=min(2, os.cpu_count() or 1), host=socket.gethostname()))
    os.environ["SLURM_CONF"] = config
    start("munged", "--foreground", "--force", "--socket=" + run + "/munge.sock", "--key-file=" + key, "--log-file=" + run + "/munged.log",
          "--pid-file=" + run + "/munged.pid", "--seed-file=" + run + "/munged.seed", "--num-threads=2")
    wait_for("munged", lambda: os.path.exists(run + "/munge.sock"), 20)
    start("slurmctld", "-D", "-f", config)
    start("slurmd", "-D", "-f", config, "-N", "here")
    wait_for("an idle node", lambda: "idle" in said("sinfo", "-h", "-o", "%T")[1], 40)


def test():
    environment = "ALL,PATH=" + os.path.dirname(hagane) + ":" + os.environ["PATH"]
    job = ask("sbatch", "--parsable", "--export=" + environment, "--array=0-2", "--output=" + run + "/shard%a.out", examples + "/factory.slurm",
              "r.yaml", ".", "work")
    ask("sbatch", "--parsable", "--dependency=afterok:" + job, "--export=" + environment, "--output=" + run + "/last.out",
        "--wrap", "hagane models build r.yaml --work work --out slurm.hgpack --threads 1")
    wait_for("the models", lambda: os.path.exists(folder + "/slurm.hgpack") or not ask("squeue", "-h"), 90)
    with open(folder + "/alone.hgpack", "rb") as a:
        if not os.path.exists(folder + "/slurm.hgpack"):
            fail("the jobs made no pack")
        with open(folder + "/slurm.hgpack", "rb") as b:
            if a.read() != b.read():
                fail("three jobs made another pack than one process")


shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
draw = random.Random(1)
with open(folder + "/t.csv", "w", encoding="ascii") as f:
    f.write("a,b,y\n")
    for _ in range(200):
        a, b = draw.gauss(0, 1), draw.gauss(0, 1)
        f.write(f"{a:.4f},{b:.4f},{a + 2 * b:.4f}\n")
with open(folder + "/r.yaml", "w", encoding="ascii") as f:
    f.write(RECIPE)
try:
    ask(hagane, "models", "build", "r.yaml", "--out", "alone.hgpack", "--threads", "1")
    cluster()
    test()
    print("three jobs of Slurm and the one after them: the pack of one process")
finally:
    stop()
    shutil.rmtree(run, ignore_errors=True)
