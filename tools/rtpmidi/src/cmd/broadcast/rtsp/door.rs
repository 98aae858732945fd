//! Who may come in: limits on connections, so that no client takes the place of all others.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::gst_rtsp::{self, RTSPStatusCode};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPFilterResult, RTSPServer, ffi};

/// How many connections there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cmd::broadcast) struct Limits {
    pub(in crate::cmd::broadcast) clients: u32,
    pub(in crate::cmd::broadcast) per_address: u32,
}

/// Counts who comes and goes.
#[derive(Clone)]
pub(super) struct Door {
    limits: Limits,
    guests: Arc<Mutex<Vec<Guest>>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Guest {
    /// Where the client is in memory, as long as it is there.
    id: usize,
    address: String,
    came: Instant,
    /// Whether there was room.
    is_in: bool,
}

/// How long a connection may last that plays nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// How often connections are looked through.
const ROUND: Duration = Duration::from_secs(1);

impl Door {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, guests: Arc::default() }
    }

    /// Watches the connections of a server from its main context.
    pub(super) fn watch(&self, server: &RTSPServer, context: &glib::MainContext) {
        if let Some(sessions) = server.session_pool() {
            sessions.set_max_sessions(self.limits.clients);
        }
        // Nobody has anything of such length to say.
        server.set_content_length_limit(LONGEST);
        let door = self.clone();
        server.connect_client_connected(move |_, client| door.meet(client));
        let (door, server) = (self.clone(), server.clone());
        let round = move || {
            door.show_out(&server);
            glib::ControlFlow::Continue
        };
        glib::timeout_source_new(ROUND, None, glib::Priority::DEFAULT, round).attach(Some(context));
    }

    fn meet(&self, client: &RTSPClient) {
        let id = id(client);
        self.enter(id, address(client).unwrap_or_default(), Instant::now());
        let door = self.clone();
        client.connect_closed(move |_| door.leave(id));
        let door = self.clone();
        client.connect_pre_describe_request(move |_, _| door.admits(id));
        let door = self.clone();
        client.connect_pre_setup_request(move |client, request| {
            // Sessions cost memory; a listener has one.
            if request.session().is_none() && !client.session_filter(None).is_empty() {
                return RTSPStatusCode::NotEnoughBandwidth;
            }
            door.admits(id)
        });
    }

    fn enter(&self, id: usize, address: String, came: Instant) {
        let mut guests = self.guests();
        let inside = guests.iter().filter(|guest| guest.is_in);
        let (all, same) =
            inside.fold((0, 0), |(all, same), guest| (all + 1, same + u32::from(guest.address == address)));
        let is_in = all < self.limits.clients && same < self.limits.per_address;
        guests.push(Guest { id, address, came, is_in });
    }

    fn leave(&self, id: usize) {
        self.guests().retain(|guest| guest.id != id);
    }

    fn admits(&self, id: usize) -> RTSPStatusCode {
        let is_in = self.guests().iter().any(|guest| guest.id == id && guest.is_in);
        if is_in { RTSPStatusCode::Ok } else { RTSPStatusCode::ServiceUnavailable }
    }

    /// Ends connections for which there is no room, and those that play nothing.
    fn show_out(&self, server: &RTSPServer) {
        let now = Instant::now();
        server.client_filter(Some(&mut |_, client| {
            let id = id(client);
            let guest = self.guests().iter().find(|guest| guest.id == id).cloned();
            let stays = guest.is_none_or(|guest| {
                let waited = now.saturating_duration_since(guest.came);
                // Who is refused has a moment to read it.
                if guest.is_in { waited < SILENCE || !client.session_filter(None).is_empty() } else { waited < ROUND }
            });
            if stays { RTSPFilterResult::Keep } else { RTSPFilterResult::Remove }
        }));
    }

    fn guests(&self) -> MutexGuard<'_, Vec<Guest>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Octets of a request's body.
const LONGEST: u32 = 4096;

fn id(client: &RTSPClient) -> usize {
    client.as_ptr() as usize
}

/// The address that a client comes from, in numbers.
fn address(client: &RTSPClient) -> Option<String> {
    // SAFETY: the client is alive, its connection lives at least as long as this call, during which the server still
    // sets the client up, and the text at least as long as the connection. Null is looked for in both.
    let text = unsafe {
        let connection = ffi::gst_rtsp_client_get_connection(client.as_ptr());
        if connection.is_null() {
            return None;
        }
        let text = gst_rtsp::ffi::gst_rtsp_connection_get_ip(connection);
        if text.is_null() {
            return None;
        }
        CStr::from_ptr(text)
    };
    Some(text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_in_all_and_for_fewer_from_one_address() {
        let door = Door::new(Limits { clients: 3, per_address: 2 });
        let mut id = 0;
        let mut enter = |address: &str| {
            id += 1;
            door.enter(id, address.to_owned(), Instant::now());
            door.admits(id) == RTSPStatusCode::Ok
        };
        assert_eq!(["a", "a", "a", "b", "c"].map(&mut enter), [true, true, false, true, false]);
        door.leave(1);
        assert_eq!(["a", "b"].map(&mut enter), [true, false]);
        assert_eq!(door.admits(99), RTSPStatusCode::ServiceUnavailable, "a stranger");
    }
}
