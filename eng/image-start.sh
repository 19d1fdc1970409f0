#!/usr/bin/env bash
# How long an image of the web application takes from start to ready with a share of one CPU, and what it keeps in memory.
#   eng/image-start.sh artifacts/images/resilience-web.tar        # at 500m, five starts after one to warm the files
#   CPU=1000 STARTS=10 eng/image-start.sh FOLDER DOTNET_X=1 ...   # of a root file system, with more environment
# Needs Linux, root, curl, and for an archive skopeo and umoci. The process sees its image only, read-only, as user 1654, in a control
# group with a CPU quota (v2, or v1), as a kubelet would start it; the clock runs from before the shell that enters the group.
set -euo pipefail
[ $# -ge 1 ] && [ "$(id -u)" = 0 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
image=$1; shift
cpu=${CPU:-500}; starts=${STARTS:-5}; address=127.0.0.77
work=$(mktemp -d); group=image-start-$$

if [ -d /sys/fs/cgroup/cpu ]; then group=/sys/fs/cgroup/cpu/$group; else group=/sys/fs/cgroup/$group; fi
mkdir "$group"
trap 'rmdir "$group" 2>/dev/null || true; rm -rf "$work"' EXIT
if [ -e "$group/cpu.max" ]; then
  echo "$((cpu * 100)) 100000" > "$group/cpu.max"; procs=$group/cgroup.procs
else
  echo 100000 > "$group/cpu.cfs_period_us"; echo $((cpu * 100)) > "$group/cpu.cfs_quota_us"; procs=$group/cgroup.procs
fi

root=$image
if [ ! -d "$image" ]; then
  skopeo copy --quiet "oci-archive:$image" "oci:$work/oci:latest"
  umoci unpack --image "$work/oci:latest" "$work/bundle" > /dev/null 2>&1
  root=$work/bundle/rootfs
fi
mkdir -p "$root"/proc "$root"/sys "$root"/dev "$root"/tmp

# In a mount namespace of its own, so that nothing of this stays behind.
enter='echo $$ > "$PROCS"; mount --bind "$ROOT" "$ROOT"; mount -o remount,ro,bind "$ROOT"; mount --bind /proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"; mount --rbind /dev "$ROOT/dev"; mount -t tmpfs tmpfs "$ROOT/tmp"; exec env -i "$@" /usr/sbin/chroot --userspec=1654:1654 "$ROOT" /app/Resilience.Web'
one() {
  local began now
  began=$(date +%s%N)
  PROCS=$procs ROOT=$root unshare --mount sh -c "$enter" sh POD_IP=$address POD_NAME=p POD_NAMESPACE=n SLOT=blue CAPACITY_RPS=250 SERVICE_TIME_MS=2 \
    DOTNET_EnableDiagnostics=0 "$@" > "$work/log" 2>&1 &
  local pid=$!
  until [ "$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 1 "http://$address:8080/readyz" || true)" = 200 ]; do
    kill -0 $pid 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.005
  done
  now=$(date +%s%N)
  sleep 1
  echo "$(((now - began) / 1000000)) $(awk '/^VmRSS/ {rss = $2} /^RssAnon/ {anon = $2} END {print int(rss / 1000), int(anon / 1000)}' /proc/$pid/status)"
  kill -TERM $pid; wait $pid || true
}

one "$@" > /dev/null
for _ in $(seq "$starts"); do one "$@"; done > "$work/figures"
sort -n "$work/figures" | awk -v cpu="$cpu" '{ms[NR] = $1; all = all " " $1; rss = $2; anon = $3}
  END {printf "start to ready at %dm CPU: median %d ms of%s; resident a second later %d MB, of which %d MB its own\n", cpu, ms[int((NR + 1) / 2)], all, rss, anon}'
