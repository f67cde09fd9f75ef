#!/usr/bin/python3
"""Reference densities of a few molecules by psi4: occupied Kohn-Sham orbitals, PBE / def2-SVP.

    PYTHONPATH=/usr/lib/x86_64-linux-gnu /usr/bin/python3 bench/peers/psi4_orbitals.py out.bin a.xyz b.xyz ...
    PYTHONPATH=/usr/lib/x86_64-linux-gnu /usr/bin/python3 bench/peers/psi4_orbitals.py --optimise a.xyz

The settings are those of the density data set that the density model learns from: density-fitted SCF, spherical d functions, grid 50 x 194, energy
to 1e-7 and density to 1e-6, all electrons. The output has the form of that set: magic DENSMO01, int32 number of molecules; of each int32 id,
atoms, basis functions, occupied orbitals; float64 energy (Ha), lowest empty level (Ha), dipole x, y, z (debye); int32 Z[atoms]; float64
xyz[atoms, 3] (bohr); float64 level[occupied] (Ha); float32 C[basis, occupied]. Little endian.

--optimise writes the geometry of PBE / def2-SVP back into the file.
Debian 12: apt-get install psi4 (1.3.2).
"""
import struct
import sys

import numpy as np
import psi4

BOHR = 0.529177210903


def molecule(path):
    lines = open(path).read().split("\n")
    atoms = [line.split()[:4] for line in lines[2 : 2 + int(lines[0])]]
    text = "\n".join(" ".join(a) for a in atoms)
    return psi4.geometry("0 1\n" + text + "\nunits angstrom\nsymmetry c1\nno_reorient\nno_com\n")


def options():
    psi4.core.set_output_file("/dev/null", False)
    psi4.set_memory("1 GB")
    psi4.set_num_threads(1)
    psi4.set_options(
        {
            "basis": "def2-svp",
            "scf_type": "df",
            "puream": True,
            "dft_radial_points": 50,
            "dft_spherical_points": 194,
            "e_convergence": 1e-7,
            "d_convergence": 1e-6,
        }
    )


def record(number, path):
    m = molecule(path)
    energy, wfn = psi4.energy("pbe", molecule=m, return_wfn=True)
    occupied = wfn.nalpha()
    c = np.array(wfn.Ca())[:, :occupied]
    level = np.array(wfn.epsilon_a())
    dipole = [psi4.core.variable("SCF DIPOLE " + axis) for axis in "XYZ"]
    z = [int(m.Z(i)) for i in range(m.natom())]
    head = struct.pack("<4i", number, len(z), c.shape[0], occupied)
    head += struct.pack("<5d", energy, level[occupied], *dipole)
    geometry = np.array(m.geometry())
    psi4.core.clean()
    return (
        head
        + np.array(z, "<i4").tobytes()
        + geometry.astype("<f8").tobytes()
        + level[:occupied].astype("<f8").tobytes()
        + c.astype("<f4").tobytes()
    )


def optimise(path):
    m = molecule(path)
    psi4.optimize("pbe", molecule=m)
    r = np.asarray(m.geometry()) * BOHR
    with open(path) as f:
        title = f.read().split("\n")[1]
    with open(path, "w") as f:
        f.write("%d\n%s\n" % (m.natom(), title))
        for i in range(m.natom()):
            f.write("%-2s %14.8f %14.8f %14.8f\n" % (m.symbol(i).title(), *r[i]))


def main(words):
    options()
    if words[0] == "--optimise":
        return optimise(words[1])
    out, paths = words[0], words[1:]
    with open(out, "wb") as f:
        f.write(b"DENSMO01" + struct.pack("<i", len(paths)))
        for i, path in enumerate(paths):
            f.write(record(i, path))


main(sys.argv[1:])
