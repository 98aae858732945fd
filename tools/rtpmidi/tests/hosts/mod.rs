//! Two hosts and bridges on them, for scripts that `kit::in_a_network` runs.

#![allow(dead_code, reason = "each test file uses its part")]

/// Two hosts with an interface each: this one has `here` and 10.77.0.1, the other one `there` and 10.77.0.2.
///
/// | Word | What it does |
/// |---|---|
/// | `far COMMAND` | runs it at the other host |
/// | `run here\|far NAME OPTION…` | starts a bridge, whose words come to `NAME.json` and `NAME.txt` |
/// | `keep PROCESS` | nobody outlives the script |
/// | `wait_for FILE WORDS COUNT` | waits until so many lines of a file have these words |
/// | `becomes BRIDGE PEER STATE COUNT` | waits until it has told so often that a peer has come to this state |
pub(crate) const HOSTS: &str = r#"
    program=$1
    unshare -n sleep 3000 &
    other=$!
    kept=$other
    trap 'kill -KILL $kept 2>/dev/null || true' EXIT
    keep() { kept="$kept $*"; }
    here() { "$@"; }
    far() { nsenter -t $other -n "$@"; }
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
    ip link set there netns $other
    echo 1 >/proc/sys/net/ipv6/conf/here/disable_ipv6
    far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/there/disable_ipv6'
    far ip link set lo up
    far ip link set there up
    far ip address add 10.77.0.2/24 dev there
    far ip route add 224.0.0.0/4 dev there
    ip address add 10.77.0.1/24 dev here
    ip route replace 224.0.0.0/4 dev here
    run() {
        [ "$1" = far ] && into="nsenter -t $other -n" || into=
        name=$2
        shift 2
        touch $name.json
        $into "$program" bridge --name $name --json "$@" >>$name.json 2>>$name.txt &
        keep $!
    }
    wait_for() {
        for _ in $(seq 3000); do
            [ "$(grep -c -- "$2" "$1")" -ge "$3" ] && return
            sleep 0.1
        done
        echo "$1 does not have $3 times $2:" >&2
        tail -n 20 ./*.json ./*.txt >&2
        exit 1
    }
    becomes() { wait_for "$1.json" "\"name\":\"$2\",\"state\":\"$3\"" "$4"; }
"#;

/// The sequencer, one for both hosts: `port CLIENT NAME` is the address of a port.
pub(crate) const SEQUENCER: &str = r#"
    touch dump.txt
    port() {
        aconnect -l | awk -v client="$1" -v name="$2" -F"'" '
            /^client / { split($1, a, /[ :]/); number = $2 == client ? a[2] : "" }
            /^ / && number != "" { sub(/ +$/, "", $2); split($1, a, " "); if ($2 == name) print number ":" a[1] }'
    }
"#;
