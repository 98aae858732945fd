//! What the kernel of this machine has dropped, of all programs' packets, from `/proc/net`.

use std::fs;

/// Datagrams so far that did not come where they were to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Drops {
    /// A socket that was to receive them was full.
    pub(crate) receive_buffer: u64,
    /// One that was to send them was.
    pub(crate) send_buffer: u64,
    /// The queue between interface and protocols was full (`net.core.netdev_max_backlog`).
    pub(crate) backlog: u64,
}

impl Drops {
    /// Until now.
    pub(crate) fn now() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        let (snmp, backlog) = (read("snmp"), read("softnet_stat"));
        Self {
            receive_buffer: udp(&snmp, "RcvbufErrors"),
            send_buffer: udp(&snmp, "SndbufErrors"),
            // The second field of each core's line, in hexadecimal.
            backlog: backlog
                .lines()
                .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
                .sum(),
        }
    }

    /// What came since.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            receive_buffer: self.receive_buffer.saturating_sub(before.receive_buffer),
            send_buffer: self.send_buffer.saturating_sub(before.send_buffer),
            backlog: self.backlog.saturating_sub(before.backlog),
        }
    }
}

/// A counter of UDP's: names stand in one line, values in the next.
fn udp(snmp: &str, name: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Udp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let column = names.split(' ').position(|column| column == name);
    column.and_then(|column| values.split(' ').nth(column)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_below_its_name() {
        let snmp = "Ip: Forwarding\nIp: 1\nUdp: InDatagrams RcvbufErrors SndbufErrors\nUdp: 9 3 4\nUdpLite: x\n";
        assert_eq!([udp(snmp, "RcvbufErrors"), udp(snmp, "SndbufErrors"), udp(snmp, "MemErrors")], [3, 4, 0]);
    }
}
