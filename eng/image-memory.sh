#!/usr/bin/env bash
# What the failover watcher of an image keeps in memory while it leads on the embedded cluster.
#   ./lab up --no-watcher                                                    # in another terminal
#   eng/image-memory.sh artifacts/images/resilience-failover-watcher.tar     # half a minute after its start
#   AFTER=600 eng/image-memory.sh FOLDER DOTNET_X=1 ...                      # of a published program, with more environment
# Needs Linux and curl, and for an archive skopeo and umoci. KUBECONFIG names another cluster than .lab/kubeconfig.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
image=$1; shift
after=${AFTER:-30}; address=127.0.0.78
kubeconfig=$(realpath "${KUBECONFIG:-$(dirname "$0")/../.lab/kubeconfig}")
[ -r "$kubeconfig" ] || { echo "image-memory: $kubeconfig is not there; start \"./lab up --no-watcher\" first" >&2; exit 2; }
work=$(mktemp -d); pid=
trap '[ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT

folder=$image
if [ ! -d "$image" ]; then
  skopeo copy --quiet "oci-archive:$image" "oci:$work/oci:latest"
  umoci unpack --rootless --image "$work/oci:latest" "$work/bundle" > /dev/null 2>&1
  folder=$work/bundle/rootfs/app
fi

env KUBECONFIG="$kubeconfig" POD_IP=$address POD_NAME=measured-$$ POD_NAMESPACE=distributed-resilience DOTNET_EnableDiagnostics=0 "$@" \
  "$folder/Resilience.FailoverWatcher" > "$work/log" 2>&1 &
pid=$!
sleep "$after"
kill -0 "$pid" 2>/dev/null || { cat "$work/log" >&2; pid=; exit 1; }

metrics=$(curl --silent --show-error --max-time 5 "http://$address:9090/metrics")
methods=$(awk '/^dotnet_jit_compiled_methods_total/ {n = $2} END {print n + 0}' <<< "$metrics")
grep -q '^resilience_failover_active' <<< "$metrics" || { echo "image-memory: this watcher does not lead after $after s; is another one running?" >&2; exit 1; }
awk -v after="$after" -v methods="$methods" '
  /^VmRSS/ {rss = $2} /^RssAnon/ {own = $2} /^RssFile/ {file = $2} /^RssShmem/ {shared = $2}
  END {printf "after %d s: resident %d MB, of which %d MB its own, %d MB mapped files, %d MB code compiled at run time (%d methods)\n",
       after, rss / 1000, own / 1000, file / 1000, shared / 1000, methods}' "/proc/$pid/status"
