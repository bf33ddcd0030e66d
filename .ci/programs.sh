#!/usr/bin/env bash
# Programs and libraries from outside Python. Installs what is missing where that needs no
# password (Debian and Ubuntu); elsewhere prints the one line to run and goes on, because a
# test that lacks its program skips (in CI it fails).
#
#   programs.sh GROUP…      run: to start it    test: for `make test`    music: General MIDI
#                           accept: a DAW       venv: python3's own
set -euo pipefail

[ "$(uname)" = Linux ] || exit 0 # elsewhere the Python packages bring their libraries

run=(
    libportaudio2
    # what PyQt6 links to
    libegl1 libgl1 libxkbcommon0 libfontconfig1 libglib2.0-0 libdbus-1-3
    libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-render-util0
    libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0
)
test=(
    jackd2 jack-tools jack-capture jack-midi-clock # a sound server, its recorder, its clock
    ableton-link-utils iproute2                    # a Link peer, and a network of its own
    liblo-tools puredata-core                      # OSC clients that we did not write
    xvfb xdotool imagemagick openbox trayer        # a desktop with a tray
    libglib2.0-bin                                 # reads autostart files as desktops do
)
accept=(ardour xvfb openbox) # a real DAW, 55 MB: only `make accept`
music=(libfluidsynth3 fluid-soundfont-gm) # 121 MB: only the composer's tests and training
venv=(python3-venv)

# CI runs every test, so it needs every program, and needs to hear when one cannot be had.
[ -z "${CI:-}" ] || [ "$*" = venv ] || set -- run test music

wanted=()
for group in "$@"; do
    declare -n packages="$group"
    wanted+=("${packages[@]}")
done

if ! command -v apt-get >/dev/null; then
    case " $* " in *" run "*)
        ldconfig -p | grep -q libportaudio.so.2 ||
            echo "install PortAudio (Fedora, Arch: portaudio) and Qt's xcb libraries" >&2 ;;
    esac
    exit 0
fi

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for package in "${wanted[@]}"; do
    # Ubuntu 24.04 renamed libraries of the 64-bit time_t change.
    installed "$package" || installed "${package}t64" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo --non-interactive)
line="apt-get install -y --no-install-recommends ${missing[*]}"

if [ ${#sudo[@]} -gt 0 ] && ! sudo --non-interactive true 2>/dev/null; then
    echo "missing system packages; run: sudo $line" >&2
    exit 0
fi
echo "$line"
"${sudo[@]}" apt-get update --quiet=2 || true # an old list may still do
# shellcheck disable=SC2086
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive $line --quiet=2 >/dev/null || {
    echo "that failed; run it by hand: sudo $line" >&2
    [ -z "${CI:-}" ]
}
