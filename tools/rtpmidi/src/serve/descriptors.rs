//! Room for the connections of all clients: files that the process may have open.

use crate::failure::{Failure, Result};

/// Files besides those of clients, and those that a pipeline has for a moment when it starts.
const OWN: u64 = 200;

/// Files of a client that has a file of its own: its connection, the sockets of its stream, and what its threads wait at.
/// One that hears a live channel has the connection alone, twice: to look at it is a descriptor of its own.
const OF_CLIENT: u64 = 18;

/// Lets the process open as many files as the system allows, and says when these will not do for so many clients.
pub(super) fn make_room(clients: u32) -> Result<()> {
    let wanted = OWN + u64::from(clients) * OF_CLIENT;
    let allowed = rlimit::increase_nofile_limit(wanted).unwrap_or_default();
    let needed = OWN + u64::from(clients) * 2;
    if allowed < needed {
        return Err(Failure::new(format!("{clients} clients need {needed} open files, and {allowed} are allowed"))
            .hint(format!(
                "ulimit -Hn {wanted} as root, LimitNOFILE={wanted} in a unit of systemd, or fewer --rtsp-clients"
            )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clients_than_files_are_refused() {
        make_room(1).unwrap();
        let refused = make_room(u32::MAX).unwrap_err().to_string();
        assert!(refused.starts_with("error: 4294967295 clients need 8589934790 open files, and "), "{refused}");
    }
}
