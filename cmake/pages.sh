# cmake/pages.sh HAGANE SCDOC FOLDER: man1/*.1 and one completion script a shell, see cmake/pages.cmake
set -eu
hagane=$1 scdoc=$2 out=$3
rm -rf "$out"
mkdir -p "$out/man1"
page() { # page NAME [VERB]: not a pipe, so that a failing program is seen
    name=$1
    shift
    "$hagane" help --man "$@" >"$out/page.scd"
    "$scdoc" <"$out/page.scd" >"$out/man1/$name.1"
}
page hagane
for verb in $("$hagane" help --list); do page "hagane-$verb" "$verb"; done
for shell in bash zsh fish; do "$hagane" completion $shell >"$out/$shell"; done
rm "$out/page.scd"
touch "$out/made"
