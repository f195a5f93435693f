#!/usr/bin/env bash
# Runs static x86-64 Linux programs on an emulated CPU with AVX-512F/BW/DQ/VL,
# for machines that have none: Bochs boots a Debian kernel whose initramfs is
# the programs and a small init; what they print comes back over the serial port.
#
#   avx512-emulator.sh setup PREFIX
#   avx512-emulator.sh run PREFIX [-e VAR=VALUE]... BINARY [ARGS...] [-- BINARY [ARGS...]]...
#
# setup needs root and Debian's packages, unpacks under PREFIX and installs nothing.
# run executes every program in one boot. Its exit status is the first nonzero
# one among the programs' (128+N for signal N), 124 when EMULATOR_TIMEOUT
# (default 1500 s, boot included) has passed, 125 when the guest did not boot or died.
set -euo pipefail

die() { echo "avx512-emulator: $*" >&2; exit 125; }
usage() { sed -n '6,7s/^# *//p' "$0" >&2; exit 2; }
quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

ready() {
    [ -e "$root/complete" ] && ! LD_LIBRARY_PATH=$libs ldd "$root/usr/bin/bochs-bin" "$root/usr/bin/xorriso" | grep -q 'not found'
}

setup() {
    if ready; then return; fi
    local debs=$prefix/debs kernel deb
    rm -rf "$root" "$debs" && mkdir -p "$root" "$debs/partial"
    apt-get -q update
    # --reinstall: fetch the named packages even where they are installed;
    # their dependencies are fetched only where this machine lacks them.
    apt-get -q -y --no-install-recommends --reinstall --download-only \
        -o Dir::Cache::archives="$debs" -o APT::Sandbox::User=root install \
        bochs bochs-term bochsbios vgabios busybox-static isolinux syslinux-common xorriso
    for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$root"; done
    # The cloud kernel is the smaller one; all that is needed is built in, so
    # only the image is kept.
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
    (cd "$debs" && apt-get -q -o APT::Sandbox::User=root download "$kernel")
    dpkg-deb --fsys-tarfile "$debs/$kernel"_*.deb | tar -x -C "$root" --wildcards './boot/vmlinuz-*'
    mv "$root"/boot/vmlinuz-* "$root/boot/vmlinuz"
    rm -rf "$debs" && touch "$root/complete"
    ready || die "setup left libraries missing in $root"
}

# Makes $work/boot.iso from the arguments of run.
make_image() {
    local tree=$work/initramfs iso=$work/iso n=0 line
    mkdir -p "$tree/bin" "$iso"
    cp "$root/bin/busybox" "$tree/bin/"
    {
        echo '#!/bin/busybox sh'
        echo '/bin/busybox --install -s /bin; export PATH=/bin HOME=/tmp'
        echo 'mkdir -p /proc /sys /dev /tmp; mount -t proc proc /proc'
        echo 'mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; cd /tmp'
        echo "exec </dev/null >/dev/ttyS0 2>&1; echo '$marker boot'; worst=0"
        while [ "${1-}" = -e ]; do echo "export ${2%%=*}=$(quote "${2#*=}")"; shift 2; done
        while [ $# -gt 0 ]; do
            n=$((n + 1)) && mkdir "$tree/bin/$n" && cp "$1" "$tree/bin/$n/" || die "cannot copy $1"
            line=$(quote "/bin/$n/$(basename "$1")") && shift
            while [ $# -gt 0 ] && [ "$1" != -- ]; do line+=" $(quote "$1")" && shift; done
            if [ $# -gt 0 ]; then shift; fi # the --
            echo "$line; s=\$?; if [ \$worst = 0 ]; then worst=\$s; fi"
        done
        # On this line run ends the emulator: without ACPI the guest cannot power off.
        echo "echo \"$marker exit \$worst\"; sleep 9999"
    } >"$tree/init"
    [ "$n" -gt 0 ] || usage
    chmod +x "$tree/init"
    (cd "$tree" && find . | bin/busybox cpio -o -H newc 2>/dev/null) >"$iso/initrd"
    cp "$root/boot/vmlinuz" "$root"/usr/lib/{ISOLINUX/isolinux.bin,syslinux/modules/bios/ldlinux.c32} "$iso/"
    # noxsaves, clearcpuid=xsavec: Bochs 2.7 reports the wrong size of the compacted
    #   XSAVE area; the kernel would answer by turning off everything from AVX on.
    # tsc_early_khz: the CPU model reports 3.5 GHz, but the emulated TSC counts at ips.
    # The rest leaves out what is slow; trace_eval_init alone doubles the boot time.
    printf '%s\n' 'DEFAULT linux' 'PROMPT 0' 'LABEL linux' 'KERNEL vmlinuz' 'INITRD initrd' \
        "APPEND console=ttyS0 quiet loglevel=1 noxsaves clearcpuid=xsavec tsc_early_khz=$((ips / 1000)) acpi=off mitigations=off nokaslr cryptomgr.notests initcall_blacklist=trace_eval_init" \
        >"$iso/isolinux.cfg"
    LD_LIBRARY_PATH=$libs "$root/usr/bin/xorriso" -as mkisofs -quiet -o "$work/boot.iso" -b isolinux.bin -c boot.cat \
        -no-emul-boot -boot-load-size 4 -boot-info-table "$iso" 2>"$work/log" || die "xorriso: $(<"$work/log")"
}

run() {
    ready || die "run setup first"
    # ips is what Bochs reaches, so that the guest's clock goes about as fast as the wall's.
    local ips=50000000 marker='@avx512-emulator@' got line booted='' status='' limit=$((SECONDS + ${EMULATOR_TIMEOUT:-1500}))
    # Short and never below the caller's directory: Bochs aborts ("buffer overflow detected") on a path of some 80 bytes.
    work=$(mktemp -d -t bochs.XXXXXX) bochs=
    ln -s "$root" "$work/root"
    # KILL, because Bochs' debugger takes the gentler signals for a "break".
    trap '[ -z "$bochs" ] || kill -KILL "$bochs" 2>/dev/null || true; rm -rf "$work"' EXIT
    trap 'exit 143' TERM INT HUP
    make_image "$@"
    echo continue >"$work/rc" # Debian's build starts in its debugger
    cat >"$work/bochsrc" <<EOF
display_library: term
romimage: file=$work/root/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$work/root/usr/share/vgabios/vgabios.bin
cpu: model=corei7_skylake_x, count=1, ips=$ips
memory: guest=512, host=512
clock: sync=none, time0=utc
ata0: enabled=1
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=/dev/fd/3
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
EOF
    # The screen is drawn on standard output, into a file; serial goes to descriptor 3, this pipe.
    exec 4< <(export TERM=vt100 BXSHARE=$work/root/usr/share/bochs LD_LIBRARY_PATH=$libs
        export LTDL_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu/bochs/plugins
        exec "$root/usr/bin/bochs-bin" -q -f "$work/bochsrc" -rc "$work/rc" 3>&1 >"$work/screen" 2>&1 </dev/null)
    bochs=$!
    while [ -z "$status" ]; do
        got=0 && IFS= read -r -t "$((limit > SECONDS ? limit - SECONDS : 1))" -u 4 line || got=$?
        line=${line//$'\r'/}
        case $line in
        *"$marker boot") booted=1 && continue ;;
        *"$marker exit "*) status=${line##* } line=${line%"$marker"*} ;;
        *'Kernel panic'*) status=125 ;;
        *) if [ "$got" -gt 128 ] || [ "$SECONDS" -ge "$limit" ]; then status=124; elif [ "$got" -ne 0 ]; then status=125; fi ;;
        esac
        if [ -n "$line" ] || [ -z "$status" ]; then printf "%s\n" "$line"; fi
    done
    if [ -z "$booted" ]; then
        tail -qn 5 "$work/log" "$work/screen" >&2 || true
        die "the guest did not boot"
    fi
    exit "$status"
}

[ $# -ge 2 ] || usage
command=$1 prefix=$(mkdir -p "$2" && cd "$2" && pwd) && shift 2
root=$prefix/root libs=$prefix/root/usr/lib/x86_64-linux-gnu
case $command in
setup) setup ;;
run) run "$@" ;;
*) usage ;;
esac
