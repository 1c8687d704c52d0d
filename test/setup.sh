#!/usr/bin/env bash
# Installs the programs that the tests use (Debian, Ubuntu): ffmpeg, Chromium, Prometheus,
# systemd-analyze, openssl, GStreamer's RTSP server and WebRTC elements, aiortc, coturn, nginx, Caddy. Does
# nothing where all are installed.
set -euo pipefail
programs=(ffmpeg chromium prometheus systemd openssl python3-gi python3-numpy gir1.2-gst-rtsp-server-1.0
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0 python3-aiortc coturn nginx caddy)
missing=()
for program in "${programs[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$program" 2>/dev/null)" = installed ] || missing+=("$program")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "test programs: all installed"
  exit 0
fi
echo "test programs: installing ${missing[*]}"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
