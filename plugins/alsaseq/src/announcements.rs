//! A thread that learns which ports come and go: the system announces it to whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use alsa::Direction;
use alsa::seq::{Addr, Event, EventType};

use crate::client::{Client, Unavailable, is_passing};
use crate::wake::Wake;

/// The thread; it ends with this value.
#[derive(Debug)]
pub(crate) struct Announcements {
    wake: Wake,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A port, or a client with all its ports, that is there no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gone {
    Port(Addr),
    Client(i32),
}

impl Gone {
    /// What an event says to be gone.
    pub(crate) fn of(event: &Event<'_>) -> Option<Self> {
        let address = event.get_data::<Addr>()?;
        match event.get_type() {
            EventType::PortExit => Some(Self::Port(address)),
            EventType::ClientExit => Some(Self::Client(address.client)),
            _ => None,
        }
    }

    /// Whether `address` is or was among it.
    pub(crate) fn includes(self, address: Addr) -> bool {
        match self {
            Self::Port(port) => port == address,
            Self::Client(client) => client == address.client,
        }
    }
}

impl Announcements {
    /// Calls `changed` once before it returns, and from then on whenever anything has, with what is gone.
    pub(crate) fn listen(mut changed: impl FnMut(&Client, &[Gone]) + Send + 'static) -> Result<Self, Unavailable> {
        let other = |error: std::io::Error| Unavailable::Other(error.to_string());
        // It has no port that others see, and is in no list.
        let client = Client::open("announcements")?;
        client.announcements()?;
        let (wake, is_over) = (Wake::new().map_err(other)?, Arc::new(AtomicBool::new(false)));
        let (woken, over) = (wake.clone(), is_over.clone());
        changed(&client, &[]);
        let run = move || {
            while !over.load(Ordering::Acquire)
                && woken.wait(Some((&client.seq, Direction::Capture)), None).is_ok()
                && !over.load(Ordering::Acquire)
            {
                if let Some(gone) = drain(&client) {
                    changed(&client, &gone);
                }
            }
        };
        let thread = std::thread::Builder::new().name("alsa-announcements".to_owned()).spawn(run).map_err(other)?;
        Ok(Self { wake, is_over, thread: Some(thread) })
    }
}

/// Takes all that waits; `None` if that was nothing.
fn drain(client: &Client) -> Option<Vec<Gone>> {
    let (mut news, mut input) = (None, client.seq.input());
    loop {
        match input.event_input() {
            Ok(event) => news.get_or_insert_with(Vec::new).extend(Gone::of(&event)),
            // Some were lost, or are of a kind that the library does not know: who is called looks for himself.
            Err(error) if is_passing(&error) => {
                news.get_or_insert_with(Vec::new);
            }
            // Mostly because nothing more is there.
            Err(_) => return news,
        }
    }
}

impl Drop for Announcements {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        self.wake.wake();
        if let Some(thread) = self.thread.take() {
            // It panics with what it calls, which has been told by then.
            let _ = thread.join();
        }
    }
}
