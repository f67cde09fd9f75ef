#!/bin/sh
# Secret search on real data, the whole story on one machine: three servers, two owners with three poor magnets each, and a third who
# searches with and without their data.   examples/three-parties.sh FOLDER [MODE]
# The folder is made. MODE: semi-honest (default) or malicious. Needs the program hagane on PATH; the picture also needs the
# example program compare (COMPARE=path).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
film=$root/data/mammos-magnets/ndcefeb132.csv
mode=${2:-semi-honest}
mkdir -p "$1"
cd "$1"
rm -rf ca univ institute cloud acme beta gamma ./*.key ./*.pem ./*.yaml ./*.csv ./*.log

pids=
stop() { for pid in $pids; do kill "$pid" 2>/dev/null || true; done; wait; }
trap stop EXIT
trap 'exit 1' INT TERM

# ---- the three organisations and the members; here one folder each, in the world one building each --------------------
hagane party authority ca --name demo-authority >/dev/null
for member in univ institute cloud; do
    hagane party init $member --name $member --role server --authority ca >/dev/null
    (umask 077; od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >$member.key; echo >>$member.key)
done
hagane party init acme --name acme --role owner --authority ca >/dev/null
hagane party init beta --name beta --role owner --authority ca >/dev/null
hagane party init gamma --name gamma --role owner --role user --authority ca >/dev/null

# ---- three servers on ports that are free ---------------------------------------------------------------------------------
up() { # PORT: starts all three; false when one of them did not come up
    hagane party cluster cluster.yaml --name demo --authority ca/authority.pem \
        --server univ/certificate.pem=127.0.0.1:"$1" --server institute/certificate.pem=127.0.0.1:$(($1 + 1)) \
        --server cloud/certificate.pem=127.0.0.1:$(($1 + 2)) >/dev/null
    for server in univ institute cloud; do
        rm -rf $server/store
        hagane party serve $server --cluster cluster.yaml --key-file $server.key --new 2>$server.log &
        pids="$pids $!"
    done
    for server in univ institute cloud; do
        waited=0
        until grep -q ' ready: ' $server.log; do
            [ $waited -lt 100 ] && [ ! -s $server.log ] || grep -q ' ready: ' $server.log || return 1
            sleep 0.1
            waited=$((waited + 1))
        done
    done
}
port=$((20000 + $$ % 20000))
for try in 1 2 3 4 5; do
    up $port && break
    stop
    pids=
    port=$((port + 100))
    [ $try -lt 5 ] || { cat ./*.log >&2; exit 1; }
done

# ---- what the owners agree on, twice: gamma alone, and all three together ---------------------------------------------------
tr -d '\r' <"$film" | cut -d, -f1-3 >pool.csv
draft() { # PROJECT LEAST-FOREIGN-ROWS MEMBER...
    project=$1
    foreign=$2
    shift 2
    for member in "$@"; do # gamma asks, 40 times; the others only share
        budget=
        [ "$member" != gamma ] || budget==40
        set -- "$@" --member "$member/certificate.pem$budget"
        shift
    done
    hagane party policy --draft pool.csv --project "$project" --target Hc_measured_A_m --low 0 --high 2e6 \
        --features x_pos_mm,y_pos_mm --id id --mode "$mode" --cluster cluster.yaml "$@" --out "$project.yaml" >/dev/null
    echo "limits: {least foreign rows: $foreign, queries per data set: 40}" >>"$project.yaml"
}
agree() { # PROJECT MEMBER...: each signs what the one before signed
    project=$1
    shift
    for member in "$@"; do
        hagane party policy "$project.yaml" --sign --identity "$member" --out "$project.next" >/dev/null
        mv "$project.next" "$project.yaml"
    done
    hagane party policy "$project.yaml" --send --cluster cluster.yaml --identity gamma >/dev/null
}
draft alone 0 gamma
agree alone gamma
draft together 2 acme beta gamma
agree together acme beta gamma

echo "Three servers listen on 127.0.0.1: univ, institute, cloud. What the owners signed:"
hagane party policy together.yaml | sed -n '/^Owners/,/^Two servers/p' | fold -s -w 116 | sed 's/^/    /'

# ---- acme and beta share three poor magnets each; gamma has two of its own -------------------------------------------------
rows() { # FILE ID...
    file=$1
    shift
    { echo "id,x_pos_mm,y_pos_mm,Hc_measured_A_m"
      for id in "$@"; do tr -d '\r' <"$film" | awk -F, -v id="$id" '$1 == id { print $1 "," $2 "," $3 "," $7 }'; done; } >"$file"
}
share() { # FILE PROJECT MEMBER
    hagane party share "$1" --project "$2" --cluster cluster.yaml --identity "$3" --quiet >/dev/null
}
rows acme.csv 14 22 30
rows beta.csv 101 109 117
rows gamma.csv 5 95
share acme.csv together acme
share beta.csv together beta
for project in alone together; do share gamma.csv $project gamma; done
echo
echo "acme and beta have shared three poor magnets each; gamma begins with two of its own:"
for who in acme beta gamma; do
    awk -F, -v who=$who 'NR > 1 { printf "%s%.0f kA/m", (NR == 2 ? sprintf("    %-6s", who) : ", "), $4 / 1000 } END { print "" }' $who.csv
done

# ---- gamma searches: ask, measure, share, ask again -------------------------------------------------------------------------
best=$(tr -d '\r' <"$film" | awk -F, 'NR > 1 && $7 > m { m = $7 } END { print m }')
search() { # PROJECT
    : >"$1.curve"
    found=0
    for step in 1 2 3 4 5 6 7 8 9 10 11 12; do
        hagane suggest --parties cluster.yaml --project "$1" --identity gamma --json >"$1.answer"
        id=$(sed 's/.*"rank":1,"row":[0-9]*,"id":"\([^"]*\)".*/\1/' "$1.answer")
        rows "$1.row.csv" "$id"
        awk -F, -v step=$step 'NR == 2 { print step "," $1 "," $4 }' "$1.row.csv" >>"$1.curve"
        share "$1.row.csv" "$1" gamma
        found=$(awk -F, -v best="$best" '$3 > 0.95 * best { n++ } END { print n + 0 }' "$1.curve")
        [ "$found" -eq 0 ] || break
    done
}
echo
echo "gamma asks, measures what is proposed (looks it up: this film is measured), shares it, asks again, until 95 % of the best:"
for project in alone together; do search $project; done
awk -F, -v best="$best" '
FILENAME ~ /alone/ { alone[$1] = $3; if ($1 > n) n = $1 }
FILENAME ~ /together/ { together[$1] = $3; if ($1 > n) n = $1 }
function cell(v) { return v == "" ? "" : sprintf("%7.0f kA/m%s", v / 1000, v > 0.95 * best ? " *" : "  ") }
END {
    printf "\n    search    alone           with the others'"'"' poor magnets\n"
    for (i = 1; i <= n; i++) printf "    %6d    %-16s%s\n", i, cell(alone[i]), cell(together[i])
    printf "    * within 5 %% of the best of all 132, %.0f kA/m\n", best / 1000
}' alone.curve together.curve
sed 's/.*"rounds":\([0-9]*\),"bytes":\([0-9]*\),"seconds":\([0-9.]*\).*/    last answer: \1 rounds, \2 bytes sent by each server, \3 s/' together.answer

if [ -n "${COMPARE:-}" ]; then
    "$COMPARE" compare.svg "best so far, kA/m" alone.curve together.curve
    echo "    the picture: $1/compare.svg"
fi

# ---- what the servers saw -----------------------------------------------------------------------------------------------------
echo
echo "What acme reads in the servers' signed logs:"
hagane party audit --project together --cluster cluster.yaml --identity acme >audit.txt
sed -n '1,/^institute/p' audit.txt | sed -n '2,12p' | sed 's/^/    /'
tail -n 1 audit.txt | sed 's/^/    /'

# No measured value, as its owner's file writes it, may stand anywhere at a server. (tests/party looks for its bytes, too.)
stop
pids=
seen=0
for value in $(awk -F, 'FNR > 1 { print $4 }' acme.csv beta.csv gamma.csv); do
    if grep -rqaF -e "$value" univ institute cloud univ.log institute.log cloud.log; then seen=$((seen + 1)); fi
done
[ $seen -eq 0 ] || { echo "$seen measured values stand in plain in a server's folder or log" >&2; exit 1; }
echo "    Looked for all 8 starting values in the servers' folders and logs: none is there."
