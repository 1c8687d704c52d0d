#!/bin/sh
# What a GPU is wanted for: flow-s with large batches, then flow-m, and what both and a RIFE of your own cost on it.
# Every stage can be run by itself, stopped, and run again: trainings go on from their checkpoints.
#
#   training/gpu.sh STAGE…      in models/; stages: samples flow-s flow-m export figures time
#
# samples, export and figures need no GPU. Settings, with what they are when left out:
#   DATA, VAL       folders of videos to learn from and to measure on (needed by samples and figures)
#   RUNS=training/runs/gpu  SAMPLES=$RUNS/samples  OUT=$RUNS/models
#   S_MINUTES=120   M_MINUTES=240   of training
#   BATCH=64  AHEAD=8 (threads that draw batches)  MORE= (further options of both trainings, e.g. --steps 20)
#   RIFE=rife.onnx  a file to time beside them (docs/model-formats.md says how to export one)
#   SIZES="1280x720 1920x1080"  BATCHES="1 2 4 8"  SECONDS_EACH=5  PYTHON=python3
set -eu
cd "$(dirname "$0")/.."
RUNS=${RUNS:-training/runs/gpu} PYTHON=${PYTHON:-python3} BATCH=${BATCH:-64} AHEAD=${AHEAD:-8} MORE=${MORE:-}
SAMPLES=${SAMPLES:-$RUNS/samples} OUT=${OUT:-$RUNS/models}
mkdir -p "$RUNS" "$OUT"

train() { # module, its folder, minutes, options
  module=$1 run=$2 minutes=$3
  shift 3
  # shellcheck disable=SC2086 # MORE is a list of options
  "$PYTHON" -m "training.$module" --samples "$SAMPLES" --run "$run" --minutes "$minutes" --batch "$BATCH" \
    --ahead "$AHEAD" --mixed "$@" $MORE
}

bench() { # model, name of the result, batches
  # shellcheck disable=SC2086 # lists of options
  (cd .. && npm run --silent bench -- batch --model "$1" --save "gpu-$2" --seconds "${SECONDS_EACH:-5}" \
    $(printf -- '--size %s ' ${SIZES:-1280x720 1920x1080}) $(printf -- '--batch %s ' $3))
}

stage() {
  case $1 in
  samples)
    "$PYTHON" -m training.common.prepare scenes --videos "$DATA" --out "$SAMPLES" --count 6000
    "$PYTHON" -m training.common.prepare videos --videos "$DATA" --out "$SAMPLES" --count 20000
    ;;
  flow-s) train flow_s.train "$RUNS/flow-s" "${S_MINUTES:-120}" --init flow-s.pt --lr 8e-4 ;;
  flow-m) train flow_m.train "$RUNS/flow-m" "${M_MINUTES:-240}" --lr 8e-4 ;;
  export)
    how="batches of $BATCH; short runs of video clips and rendered scenes"
    "$PYTHON" -m training.flow_s.export "$RUNS/flow-s/checkpoint.pt" --samples "$SAMPLES" --out "$OUT" --trained "$how"
    "$PYTHON" -m training.flow_m.export "$RUNS/flow-m/checkpoint.pt" --out "$OUT" --trained "$how"
    ;;
  figures)
    for id in flow-s flow-m; do
      "$PYTHON" -m training.flow_s.evaluate "$VAL" --model "$OUT/$id.onnx" --frames 21 --json "$RUNS/$id/quality.json"
    done
    ;;
  time)
    for id in flow-s-fp32 flow-m flow-m-fp16; do
      bench "$(realpath "$OUT/$id.onnx")" "$id" "${BATCHES:-1 2 4 8}"
    done
    [ -z "${RIFE:-}" ] || bench "$(realpath "$RIFE")" rife 1 # a file of kind rgb takes one pair at a time
    ;;
  *)
    echo "no stage $1: samples, flow-s, flow-m, export, figures or time" >&2
    exit 2
    ;;
  esac
}

[ $# -gt 0 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for name; do stage "$name"; done
