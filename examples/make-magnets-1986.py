#!/usr/bin/env python3
"""Makes examples/magnets-1986.csv and examples/magnets-later.csv from data/mammos-magnets/r2fe14b_literature_values.csv.

The end of 1986, looked at from today. magnets-1986.csv holds every measurement of a paper of 1985 or 1986, and below them,
with blank values, each compound that first appears in a later paper: these are the candidates. magnets-later.csv says what
was found. The year is the one in the paper's key (column Filename), or else in its reference. One misprinted formula is left out. Nothing else is changed.
Where later papers disagree about a compound the values are averaged.
"""
import csv, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../data/mammos-magnets/r2fe14b_literature_values.csv")
VALUES = ["mu0Ha (T)", "mu0Ms (T)", "Tc (K)"]
MISPRINT = "Nd1.5Dy05Fe14B"  # Dy0.5, by the paper; as it stands it would be a compound with five Dy


def year(row):
    found = re.findall(r"(?:19|20)\d\d", row["Filename"]) or re.findall(r"\b(?:19[89]\d|20\d\d)\b", row["Reference"])
    return int(found[-1])


def write(folder, name, rows):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(["Compound", "year"] + VALUES)
        writer.writerows(rows)


def rounded(text):
    return f"{float(text):.4g}" if text.strip() else ""


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    with open(SOURCE, encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter=";"))
    early = [r for r in rows if year(r) <= 1986]
    known = {r["Compound"] for r in early}
    later = {}
    for r in rows:
        if year(r) > 1986 and r["Compound"] not in known and r["Compound"] != MISPRINT:
            later.setdefault(r["Compound"], []).append(r)
    write(folder, "magnets-1986.csv", [[r["Compound"], year(r)] + [rounded(r[v]) for v in VALUES] for r in early]
          + [[name, "", "", "", ""] for name in sorted(later)])
    found = []
    for name in sorted(later):
        values = [[float(r[v]) for r in later[name] if r[v].strip()] for v in VALUES]
        found.append([name, min(map(year, later[name]))] + [f"{sum(v) / len(v):.4g}" if v else "" for v in values])
    write(folder, "magnets-later.csv", found)


main()
