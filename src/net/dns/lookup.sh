# Looks names up with what the image has: lookup.sh SECONDS a|aaaa NAME...
# First line: "tool NAME". Then, in any order, "N |a line that the tool wrote about the Nth name" and "N end".
# dig and nslookup come before getent, which cannot tell why it found nothing.
t=$1 type=$2
shift 2
if command -v dig >/dev/null 2>&1; then
  tool=dig
elif command -v nslookup >/dev/null 2>&1; then
  case $(nslookup --help 2>&1 </dev/null) in
    *BusyBox*-type=*) tool=busybox-nslookup ;;
    *BusyBox*) tool=old-busybox-nslookup ;;
    *) tool=nslookup ;;
  esac
elif command -v getent >/dev/null 2>&1; then
  tool=getent
else
  tool=none
fi
echo "tool $tool"
[ "$tool" = none ] && exit 0

# For getent, where the C library reads it; the others have flags.
RES_OPTIONS="timeout:$t attempts:1"
export RES_OPTIONS

look_up() {
  case $tool in
    dig) dig +time="$t" +tries=1 +noall +comments +answer -t "$type" -q "$1" ;;
    nslookup) nslookup -type="$type" -timeout="$t" -retry=0 "$1" ;;
    busybox-nslookup) nslookup -type="$type" -timeout="$t" -retry=1 "$1" ;;
    old-busybox-nslookup) nslookup "$1" ;;
    getent)
      case $type in
        a) getent ahostsv4 "$1" ;;
        aaaa) getent ahostsv6 "$1" ;;
      esac
      ;;
  esac
}

n=0
for name do
  n=$((n + 1))
  {
    look_up "$name" 2>&1 </dev/null | while IFS= read -r line; do printf '%s |%s\n' "$n" "$line"; done
    echo "$n end"
  } &
  # Eight at a time: a container may have a small limit on processes.
  [ $((n % 8)) -eq 0 ] && wait
done
wait
exit 0
