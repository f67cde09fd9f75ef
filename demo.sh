#!/bin/sh
# Sets up whatever is missing, builds the program and does its main job on real data. Results go to demo-out/.
set -eu
cd "$(dirname "$0")"
[ -n "${HAGANE_SKIP_DEPS:-}" ] || tools/install-deps build

echo "Building hagane ..."
mkdir -p build demo-out
{ cmake --preset demo && cmake --build --preset demo; } >build/demo.log 2>&1 || { tail -n 40 build/demo.log; exit 1; }
PATH=$PWD/build/release:$PATH
begin=$(date +%s)

# show COMMAND ...: prints the command as a person would type it, then runs it
show() {
    line='$'
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./,=-]*) word="\"$word\"" ;; esac
        line="$line $word"
    done
    printf '\n%s\n' "$line"
    "$@"
}
heading() { printf '\n--- %s\n' "$1"; }

magnets=examples/magnets-1986.csv
film=data/mammos-magnets/ndcefeb132.csv

cat <<END

Permanent magnets, at the end of 1986. $magnets holds 90 measurements of R2(Fe,Co)14B
compounds from papers of 1985 and 1986. The 52 compounds below them were measured later; here their values are blank.
END

heading "Which four to make next, for a high Curie temperature?"
show hagane suggest $magnets --features Compound --target "Tc (K)" --maximize --batch 4 --seed 1 --out demo-out/next.csv

heading "What was found later: the five highest of the 52 (examples/magnets-later.csv)"
sort -t, -k5 -rn examples/magnets-later.csv | awk -F, 'NR <= 5 { printf "%8s K  %-17s published in %s\n", $5, $1, $2 }'

heading "The same as a page with figures"
show hagane report $magnets --features Compound --target "Tc (K)" --maximize --batch 4 --seed 1 --out demo-out/report.html

heading "Formulae as chemists write them, read and put in order (and 290 numbers for each with --out)"
printf 'formula\n(Nd0.8Dy0.2)2(Fe0.85Co0.15)14B\n(La0.8Sr0.2)MnO3\nCuSO4.5H2O\nD2O\n' >demo-out/formulae.csv
show hagane describe demo-out/formulae.csv --formula formula

heading "Does it help? A film of (Nd,Ce)2Fe14B, its coercivity measured at 132 places: pretend it was not, and count"
show hagane replay $film --target Hc_measured_A_m --maximize --features x_pos_mm,y_pos_mm \
    --initial 2 --budget 40 --runs 100 --seed 1

heading "Three organisations, three servers: the next magnet from data that nobody may see (demo-out/secret)"
COMPARE=$PWD/build/release/examples/compare examples/three-parties.sh demo-out/secret

printf '\nDone in %d s. Open %s/demo-out/report.html in a browser.\n' $(($(date +%s) - begin)) "$PWD"
