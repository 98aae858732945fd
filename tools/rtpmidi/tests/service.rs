//! The units, started by systemd itself: in a machine with a sequencer, where it is the first process of a namespace.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod hosts;
mod kit;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::path::Path;
use std::process::{Command, Stdio};

use hosts::{HOSTS, SEQUENCER};
use kit::{Folder, argument, song};

/// A machine with systemd, which knows no units but ours, and those of its own that ours need.
///
/// | Word | What it does |
/// |---|---|
/// | `boot` | starts systemd |
/// | `at COMMAND` | runs it where systemd does |
/// | `ctl …` | `systemctl` |
/// | `value PROPERTY [UNIT]` | a property of the service |
/// | `is VALUE COMMAND` | waits until a command prints just this |
/// | `never COMMAND` | fails where it does not |
const SYSTEMD: &str = r#"
    set -e
    units=/run/units
    mkdir $units
    (cd /usr/lib/systemd/system && cp systemd-journald.service systemd-journald*.socket basic.target sysinit.target \
        shutdown.target sound.target network-online.target $units)
    printf '[Unit]\nRequires=systemd-journald.service basic.target\nAfter=basic.target\n' >$units/check.target
    touch /usr/local/bin/rtpmidi
    mount --bind "$1" /usr/local/bin/rtpmidi
    mount --make-rshared /
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    boot() {
        # What it says goes to the console, which is none of ours.
        : >console.txt
        mount --bind console.txt /dev/console
        SYSTEMD_UNIT_PATH=$units container=vm unshare --fork --pid --mount --mount-proc --propagation shared -- \
            /usr/lib/systemd/systemd --system --unit=check.target --show-status=no </dev/null >systemd.txt 2>&1 &
        until [ -S /run/systemd/private ]; do sleep 0.1; done
        systemd=$(pgrep -P $!)
        keep $systemd
        ctl is-system-running --wait >/dev/null
    }
    at() { nsenter -t $systemd -p -m -r -w -- "$@"; }
    ctl() { at systemctl "$@"; }
    value() { ctl show --value -p "$1" "${2:-rtpmidi-bridge}"; }
    is() {
        wanted=$1
        shift
        for _ in $(seq 300); do
            [ "$("$@" 2>&1)" = "$wanted" ] && return
            sleep 0.1
        done
        echo "$* is not '$wanted' but '$("$@" 2>&1)'" >&2
        at journalctl --no-pager | tail -n 30 >&2
        exit 1
    }
    never() {
        if "$@"; then
            echo "should fail: $*" >&2
            exit 1
        fi
    }
"#;

#[test]
fn units_under_a_real_systemd() {
    if Command::new("systemctl").arg("--version").stdout(Stdio::null()).status().is_err()
        || !Path::new("/usr/lib/systemd/systemd").exists()
    {
        eprintln!("skipped: no systemd is installed here");
        return;
    }
    vm::run_the_ignored_tests();
}

#[test]
#[ignore = "needs a machine with a sequencer, and to be root in it"]
fn the_service_of_the_system_and_that_of_a_user_do_their_work_under_systemd() {
    let folder = Folder::new("service");
    folder.write("held.mid", &song(&[(0, &[0x90, 62, 100])]));
    folder.write("short.mid", &song(&[(0, &[0x90, 64, 100]), (48, &[0x80, 64, 64])]));
    let package = env!("CARGO_MANIFEST_DIR");
    let script = r#"
        cp "$2/system/rtpmidi-bridge.service" $units
        # The unit as it is, but for what would take minutes.
        mkdir $units/rtpmidi-bridge.service.d /etc/rtpmidi
        printf '[Service]\nWatchdogSec=6\nRestartSec=0.2\n' >$units/rtpmidi-bridge.service.d/soon.conf
        printf 'name = "studio"\n' >/etc/rtpmidi/bridge.toml
        echo "OPTIONS=--rule '\"Midi Through\" --> \"Network Export\"'" >/etc/rtpmidi/bridge.env
        boot

        # Ready means that it answers. So it does to the group, also to those who have a folder of their own where none
        # answers, and to nobody else.
        ctl start rtpmidi-bridge
        rtpmidi bridge status >/dev/null
        [ "$(stat -c %a:%G /run/rtpmidi/bridge.sock)" = 660:audio ]
        nobody() {
            XDG_RUNTIME_DIR=/run/user/nobody setpriv --reuid=nobody --regid="$1" --clear-groups rtpmidi bridge status
        }
        nobody audio >/dev/null
        never nobody nogroup 2>/dev/null
        process=$(value MainPID)
        at grep -Eq '^CapBnd:\s0+$' /proc/$process/status
        never at grep -E '^Uid:\s0' /proc/$process/status

        # It is found, its device is heard, and what it heard from a host that others see is remembered.
        run far stage --control stage.sock
        stage=$!
        becomes stage studio announced 1
        becomes stage 'studio/Midi Through' announced 1
        aseqdump -p "$(port stage 'studio/Midi Through')" >dump.txt & keep $!
        becomes stage 'studio/Midi Through' open 1
        aplaymidi -p 14:0 short.mid
        wait_for dump.txt 'Note on .*note 64' 1
        wait_for dump.txt 'Note off .*note 64' 1
        aseqdump -p "$(port studio stage)" >back.txt & keep $!
        becomes stage studio open 1
        is '"stage"' sh -c 'grep -o \"stage\" /var/lib/rtpmidi/bridge.json | sort -u'

        # Read again, it goes on as it was; asked for by the watchdog, too, for longer than that waits.
        ctl reload rtpmidi-bridge
        is 1 sh -c "nsenter -t $systemd -p -m -r -w journalctl -qu rtpmidi-bridge | grep -c 'has been read again'"
        sleep 7
        [ "$(value MainPID),$(value NRestarts)" = "$process,0" ]
        never grep away stage.json

        # What sounds when it is stopped is let go, and nothing was amiss.
        aplaymidi -p 14:0 held.mid
        wait_for dump.txt 'Note on .*note 62' 1
        ctl stop rtpmidi-bridge
        wait_for dump.txt 'Note off .*note 62' 1
        [ "$(value Result),$(value ExecMainStatus)" = success,0 ]
        never test -e /run/rtpmidi
        # What hangs is started anew; what is stopped then has nobody to say goodbye to.
        ctl start rtpmidi-bridge
        at kill -STOP "$(value MainPID)"
        is 1 value NRestarts
        is active value ActiveState
        rtpmidi bridge status | grep -q '^studio '
        ctl stop rtpmidi-bridge
        [ "$(value Result)" = success ]
        journal() { at journalctl -q --no-pager -u rtpmidi-bridge "$@"; }
        journal RTPMIDI_TYPE=peer RTPMIDI_NAME=stage | grep -q 'stage is announced'
        [ "$(journal -p warning _COMM=rtpmidi)" = '' ]

        # The service of a user, who may do less.
        mkdir -p $units-of-user /run/user/4000 /home/midi/.config/rtpmidi
        cp "$2"/*.service /usr/lib/systemd/user/*.target $units-of-user
        echo 'midi:x:4000:29::/home/midi:/bin/sh' >>/etc/passwd
        echo 'OPTIONS=--name desk --port 0' >/home/midi/.config/rtpmidi/bridge.env
        chown -R midi /run/user/4000 /home/midi
        {
            printf '[Service]\nType=notify\nUser=midi\nDelegate=yes\nExecStart=/usr/lib/systemd/systemd --user\n'
            printf 'Environment=XDG_RUNTIME_DIR=/run/user/4000 SYSTEMD_UNIT_PATH=%s-of-user\n' $units
        } >$units/manager.service
        ctl daemon-reload
        ctl start manager
        of_user() { at setpriv --reuid=midi --regid=audio --clear-groups env HOME=/home/midi XDG_RUNTIME_DIR=/run/user/4000 "$@"; }
        of_user systemctl --user start rtpmidi-bridge
        of_user rtpmidi bridge status | grep -q '^desk '
        becomes stage desk announced 1
        of_user systemctl --user reload rtpmidi-bridge
        # That of the patchbay connects, by the rules of its file.
        echo '"Midi Through" --> "Virtual Raw MIDI 1-0"' >/home/midi/rules
        echo 'OPTIONS=--rules /home/midi/rules --no-jack' >/home/midi/.config/rtpmidi/patch.env
        of_user systemctl --user start rtpmidi-patch
        is 1 sh -c 'aconnect -l | grep -c "Connecting To: 20:0"'
        of_user systemctl --user stop rtpmidi-bridge rtpmidi-patch
        for unit in bridge patch; do
            [ "$(of_user systemctl --user show --value -p Result rtpmidi-$unit)" = success ]
        done
        [ "$(at journalctl -q --no-pager -p warning _COMM=rtpmidi)" = '' ]
        kill -INT $stage
        wait $stage
    "#;
    let set = "ip link add here type veth peer name there; ip link set here up";
    let status = Command::new("bash")
        .args([
            "-c",
            &format!("{set}\n{HOSTS}{SEQUENCER}{SYSTEMD}{script}"),
            "bash",
            env!("CARGO_BIN_EXE_rtpmidi"),
            package,
        ])
        .current_dir(argument(&folder.path("")))
        .status();
    assert!(status.unwrap().success());
}
