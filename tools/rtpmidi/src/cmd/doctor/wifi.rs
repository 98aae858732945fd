//! Wi-Fi: whether an interface saves power. One that does sleeps between beacons, and notes wait for it.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;
use super::link::Link;

const CHECK: &str = "wifi";

/// Where `iw` is; not every user's path has the second.
const IW: [&str; 2] = ["iw", "/usr/sbin/iw"];

/// Looks at each interface that is Wi-Fi.
pub(super) fn check(links: &[Link]) -> Vec<Finding> {
    let wireless: Vec<&Link> = links.iter().filter(|link| link.is_up() && is_wireless(&link.name)).collect();
    if wireless.is_empty() {
        return vec![Finding::ok(CHECK, "no Wi-Fi is in use")];
    }
    wireless.iter().map(|link| judge(&link.name, ask(&link.name).as_deref())).collect()
}

fn is_wireless(name: &str) -> bool {
    let device = Path::new("/sys/class/net").join(name);
    device.join("wireless").exists() || device.join("phy80211").exists()
}

/// What `iw` says, where it is installed.
fn ask(name: &str) -> Option<String> {
    let ask = |program: &&str| Command::new(program).args(["dev", name, "get", "power_save"]).output().ok();
    let output = IW.iter().find_map(ask).filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn judge(name: &str, said: Option<&str>) -> Finding {
    let state = said.and_then(|said| said.trim().strip_prefix("Power save:")).map(str::trim);
    match state {
        Some("off") => Finding::ok(CHECK, format!("{name} does not save power")),
        Some("on") => Finding::warning(
            CHECK,
            format!("{name} saves power: what comes waits for the next beacon, a tenth of a second or more"),
            format!("iw dev {name} set power_save off   (a cable is better still)"),
        ),
        _ => Finding::warning(
            CHECK,
            format!("whether {name} saves power cannot be known without iw"),
            format!("apt install iw && iw dev {name} set power_save off"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iw_says_is_understood() {
        for (said, words) in [
            (Some("Power save: off\n"), "ok       wifi        wlan0 does not"),
            (Some("Power save: on\n"), "iw dev wlan0 set power_save off"),
            (Some("command failed\n"), "apt install iw"),
            (None, "apt install iw"),
        ] {
            let finding = judge("wlan0", said).to_string();
            assert!(finding.contains(words), "{finding}");
        }
    }

    #[test]
    fn loopback_is_no_wifi() {
        assert!(!is_wireless("lo"));
    }
}
