#!/usr/bin/env bash
# Installs the programs that the tests use (Debian, Ubuntu): ffmpeg, Chromium, Firefox, Prometheus,
# systemd-analyze, openssl, GStreamer's RTSP server and WebRTC elements, aiortc, coturn, nginx, Caddy;
# into the checkout's build/ the newest ffmpeg, out of a Python wheel. Does nothing where all are
# installed.
set -euo pipefail
newest_ffmpeg=imageio-ffmpeg==0.8.1
cd "$(dirname "$0")/.."
programs=(ffmpeg chromium prometheus systemd openssl python3-gi python3-numpy gir1.2-gst-rtsp-server-1.0
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
  gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0 python3-aiortc coturn nginx caddy firefox-esr)
python3 -m pip --version >/dev/null 2>&1 || programs+=(python3-pip)
missing=()
for program in "${programs[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$program" 2>/dev/null)" = installed ] || missing+=("$program")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "test programs: all installed"
else
  echo "test programs: installing ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
if [ ! -d "build/imageio-ffmpeg/imageio_ffmpeg-${newest_ffmpeg#*==}.dist-info" ]; then
  echo "test programs: installing $newest_ffmpeg"
  rm -rf build/imageio-ffmpeg
  python3 -m pip install --quiet --no-deps --target build/imageio-ffmpeg "$newest_ffmpeg"
fi
