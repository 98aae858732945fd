//! Clients of a listener: a thread for each of them, and so many at a time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long it rests when the system has no file left for a client.
const REST: Duration = Duration::from_millis(100);

/// Serves clients as they come, until the program ends. Whoever comes while `most` are there is hung up on.
pub(super) fn serve<S: Send + 'static>(
    name: &str,
    most: usize,
    clients: impl Iterator<Item = io::Result<S>>,
    serve: impl Fn(&S) + Clone + Send + 'static,
) {
    let there = Arc::<AtomicUsize>::default();
    for client in clients {
        let Ok(client) = client else {
            std::thread::sleep(REST);
            continue;
        };
        let place = Place(there.clone());
        if there.fetch_add(1, Ordering::Relaxed) >= most {
            continue;
        }
        let serve = serve.clone();
        let run = move || {
            let _place = place;
            serve(&client);
        };
        // Without a thread for it the client is hung up on.
        let _ = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    }
}

/// A client as it is counted, until it goes.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
