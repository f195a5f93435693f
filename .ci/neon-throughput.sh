#!/usr/bin/env bash
# How busy the NEON kernels keep the multiply-add units, by LLVM's models of two processors:
#
#   neon-throughput.sh PREFIX ASSEMBLY…
#
# ASSEMBLY is that of the library for AArch64, as `RUSTFLAGS="--emit=asm -C symbol-mangling-version=v0"` leaves it beside
# the library. Finds the loop of every tile of 20 sums or more (products that are not small are made of those) and runs
# llvm-mca on it. Fails if one is below 95 % of the model's peak or spills registers.
# llvm-mca is unpacked under PREFIX, which needs root and Debian's packages; nothing is installed.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '4s/^# *//p' "$0" >&2; exit 2; }
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
shift
root=$prefix/root work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$root/complete" ]; then
    debs=$prefix/debs
    rm -rf "$root" "$debs" && mkdir -p "$root" "$debs/partial"
    apt-get -qq update
    # The newest there is: the models of old ones are stand-ins. Dependencies are fetched where this machine lacks them.
    llvm=$(apt-cache search --names-only '^llvm-[0-9]+$' | cut -d' ' -f1 | sort -V | tail -1)
    apt-get -qq -y --no-install-recommends --reinstall --download-only \
        -o Dir::Cache::archives="$debs" -o APT::Sandbox::User=root install "$llvm" "lib${llvm/-/}"
    for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$root"; done
    rm -rf "$debs" && touch "$root/complete"
fi
mca=$(echo "$root"/usr/lib/llvm-*/bin/llvm-mca)

mkdir "$work/loops"
# Of each tile, the straight loop with the most multiply-adds, which loads whole vectors: loops/TYPE-ROWSxVECTORS-READING. With
# v0 symbols, names tell a tile's shape. The narrow operand is read "across" its rows, as it is packed, or "along" the depth; complex
# numbers are "numbers", or "exchanged". (Of as many rows as vectors one is written as a reference to the other; such tiles are
# smaller.)
awk -v dir="$work/loops/" '
    /^_R[^ ]*:$/ {
        inside = match($0, /4neon3F(32|64)4tileKj._Kj._Kb[01]_Kh[034]_/)
        if (inside) {
            name = substr($0, RSTART, RLENGTH)
            rows = index("123456789abcdef", substr(name, 17, 1)); vectors = index("123456789abcdef", substr(name, 21, 1))
            split("across along", readings, " "); reading = readings[substr(name, 25, 1) + 1]
            wide = substr(name, 29, 1)
            if (wide == 3) reading = reading "-numbers"
            if (wide == 4) reading = reading "-exchanged"
            file = dir "f" substr(name, 8, 2) "-" rows "x" vectors "-" reading
        }
        most = 0; label = ""
    }
    !inside { next }
    /^\.LBB[^ ]*:/ { label = $1; sub(/:.*/, "", label); body = ""; fmla = 0; next }
    /^\t[a-z]/ { body = body $0 "\n"; fmla += $1 ~ /^fml[as]$/ }
    $1 ~ /^(b|b\.[a-z]+|cbn?z|tbn?z)$/ && $NF == label && fmla > most && fmla % (rows * vectors) == 0 {
        most = fmla
        if (rows * vectors >= 20) { printf "%s", body >file; close(file) }
    }
' "$@"

# Multiply-adds a cycle of a loop, 300 times over.
fmla_per_cycle() {
    LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$mca" -mtriple=aarch64-linux-gnu -mcpu="$1" -iterations=300 "$2" |
        awk -v fmla="$(grep -cwE 'fml[as]' "$2")" '/^Total Cycles:/ { printf "%.4f", 300 * fmla / $3 }'
}

status=0
printf '%-4s %-5s %-15s %-12s %10s %6s %6s\n' type tile reading model fmla/cycle peak spills
for type in f32 f64; do
    case $type in
    f32) v=4s s=s ;;
    f64) v=2d s=d ;;
    esac
    for i in {0..23}; do echo "fmla v$i.$v, v24.$v, v25.$s[0]"; done >"$work/peak"
    for reading in {across,along}{,-numbers,-exchanged}; do
        compgen -G "$work/loops/$type-*-$reading" >/dev/null || { echo "no loop of $type $reading found"; status=1; }
    done
    for model in neoverse-v1 apple-m1; do
        # What independent multiply-adds alone would reach.
        peak=$(fmla_per_cycle $model "$work/peak")
        for loop in $(ls -v "$work/loops/$type"-*); do
            IFS=- read -r _ tile reading <<<"$(basename "$loop")"
            speed=$(fmla_per_cycle $model "$loop")
            spills=$(grep -cE '\[(sp|x29)' "$loop") || true
            share=$(awk "BEGIN { printf \"%.1f\", 100 * $speed / $peak }")
            printf '%-4s %-5s %-15s %-12s %10.2f %5s%% %6s\n' $type "$tile" "$reading" $model "$speed" "$share" "$spills"
            awk "BEGIN { exit !($share >= 95 && $spills == 0) }" || status=1
        done
    done
done
[ $status -eq 0 ] || echo "a loop is below 95 % of the model's peak, spills registers or was not found" >&2
exit $status
