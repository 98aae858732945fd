//! The service manager, if it has started the bridge: it is told that the bridge is ready, that it works, and that it ends.

use std::sync::mpsc::channel;
use std::time::Duration;

use sd_notify::NotifyState;

use super::inbox::Inbox;
use super::request::Request;

/// Says that it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Service(());

impl Service {
    /// Says that the bridge is ready; from then on, where a watchdog wants it, that its main loop answers.
    pub(super) fn ready(inbox: &Inbox) -> Self {
        tell(NotifyState::Ready);
        if let Some(limit) = sd_notify::watchdog_enabled() {
            let inbox = inbox.clone();
            // Without the thread the watchdog ends the bridge, which the manager starts anew: a system that has no thread
            // left has no room for music either.
            let _ = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&inbox, limit / 3));
        }
        Self(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        tell(NotifyState::Stopping);
    }
}

/// Asks the main loop again and again, as others do, and passes on that it has answered in time.
fn watch(inbox: &Inbox, interval: Duration) {
    loop {
        std::thread::sleep(interval);
        let (reply, answers) = channel();
        if inbox.ask(Request::Status, reply) && answers.recv_timeout(interval).is_ok() {
            tell(NotifyState::Watchdog);
        }
    }
}

fn tell(state: NotifyState<'_>) {
    // Nobody listens where nobody has started it.
    let _ = sd_notify::notify(&[state]);
}
