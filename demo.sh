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

magnets=data/mammos-magnets/r2fe14b_literature_values.csv
film=data/mammos-magnets/ndcefeb132.csv

cat <<END

Permanent magnets. $magnets holds 198 measurements of
R2(Fe,Co)14B compounds from papers of the 1980s to 2010s. examples/magnet-candidates.csv lists
$(($(wc -l <examples/magnet-candidates.csv) - 1)) mixtures of Nd with Pr, Ce, Dy or Tb, and of Fe with Co.
END

heading "What do the candidates look like to a model? Formulae become numbers."
show hagane describe examples/magnet-candidates.csv --formula Compound --out demo-out/candidates.csv

heading "Which four to make next, for a high Curie temperature, if the magnetisation must stay above 1.4 T?"
show hagane suggest $magnets --candidates examples/magnet-candidates.csv --features Compound \
    --target "Tc (K)" --maximize --require "mu0Ms (T) > 1.4" --batch 4 --seed 1 --out demo-out/next.csv

heading "The same as a page with figures."
show hagane report $magnets --candidates examples/magnet-candidates.csv --features Compound \
    --target "Tc (K)" --maximize --require "mu0Ms (T) > 1.4" --batch 4 --seed 1 --out demo-out/report.html

heading "Does it help? A film of (Nd,Ce)2Fe14B, coercivity measured at 132 places. Pretend they are unknown, and count."
show hagane replay $film --target Hc_measured_A_m --maximize --features x_pos_mm,y_pos_mm \
    --initial 2 --budget 40 --runs 100 --seed 1

printf '\nDone in %d s. Open %s/demo-out/report.html in a browser.\n' $(($(date +%s) - begin)) "$PWD"
