//! A server that may be slow, asked by a thread of its own: what is known of it is always at hand, and nobody waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use port_rules::{Act, Graph, Id, Port};

use super::{News, Server, Survey, listener, open};

/// The server, whether it is there or not. Its thread ends with this value.
pub(crate) struct Aside {
    orders: Sender<Event>,
    known: Arc<Mutex<Known>>,
}

/// What is known of it.
#[derive(Default)]
struct Known {
    survey: Option<Survey>,
    /// Ports that have gone since somebody asked, though another one may have the number again.
    gone: Vec<Id>,
}

/// What the thread waits for.
enum Event {
    Order(Act, Box<[Port; 2]>),
    News(News),
    End,
}

/// Whoever wants to know what comes of it.
pub(crate) struct Hearer {
    /// Something is otherwise than before.
    pub(crate) changed: Box<dyn Fn() + Send>,
    /// Something that was asked for cannot be.
    pub(crate) refused: Box<dyn Fn(&str) + Send>,
}

/// How often a server is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// So long after something has happened all is looked at: much happens at once.
const SETTLED: Duration = Duration::from_millis(20);

/// What nobody tells, such as aliases, is seen so long after what somebody does.
const LATER: Duration = Duration::from_secs(1);

impl Aside {
    /// Goes to a server as `name`, and again whenever it is back.
    pub(crate) fn start(graph: Graph, name: &str, hearer: Hearer) -> std::io::Result<Self> {
        let ((orders, events), known) = (channel(), Arc::<Mutex<Known>>::default());
        let thread =
            Thread { graph, name: name.to_owned(), events, tell: orders.clone(), known: known.clone(), hearer };
        std::thread::Builder::new().name("ports".to_owned()).spawn(move || thread.run())?;
        Ok(Self { orders, known })
    }

    /// What has gone since this was asked last, and after that all that is there; none where there is no server.
    pub(crate) fn survey(&self) -> (Vec<Id>, Option<Survey>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut known.gone), known.survey.clone())
    }

    /// Asks for two ports to be connected or disconnected.
    pub(crate) fn ask(&self, act: Act, from: &Port, to: &Port) {
        // Where the library is missing nobody is there, nor any port.
        let _ = self.orders.send(Event::Order(act, Box::new([from.clone(), to.clone()])));
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = self.orders.send(Event::End);
    }
}

struct Thread {
    graph: Graph,
    name: String,
    events: Receiver<Event>,
    tell: Sender<Event>,
    known: Arc<Mutex<Known>>,
    hearer: Hearer,
}

impl Thread {
    fn run(self) {
        applemidi_io::priority::leave();
        loop {
            match open(self.graph, &self.name, Some(listener(&self.tell, Event::News))) {
                Ok(server) => {
                    if self.serve(server.as_ref()).is_none() {
                        return;
                    }
                    self.know(None, Vec::new());
                }
                Err(missing) if !missing.may_come => return,
                Err(_) => {}
            }
            let asked = Instant::now();
            while let Some(left) = RETRY.checked_sub(asked.elapsed()) {
                match self.events.recv_timeout(left) {
                    Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return,
                    // Of a server that is gone.
                    Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                }
            }
        }
    }

    /// Does what is asked for, and looks at what has happened, until the server is gone; none when all is to end.
    fn serve(&self, server: &dyn Server) -> Option<()> {
        self.know(Some(server.survey()), Vec::new());
        let (mut soon, mut later): (Option<Instant>, Option<Instant>) = (None, None);
        let mut gone = Vec::new();
        loop {
            let event = match [soon, later].into_iter().flatten().min() {
                Some(due) => match self.events.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Ok(event) => Some(event),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return None,
                },
                None => Some(self.events.recv().ok()?),
            };
            let now = Instant::now();
            match event {
                Some(Event::End) => return None,
                Some(Event::News(News::Over)) => return Some(()),
                Some(Event::News(news)) => {
                    if let News::Gone(id) = news {
                        gone.push(id);
                    }
                    soon.get_or_insert(now + SETTLED);
                }
                Some(Event::Order(act, ports)) => self.obey(server, act, &ports),
                None => {
                    self.know(Some(server.survey()), std::mem::take(&mut gone));
                    // Once more if this look was for what has been told.
                    later = soon.take().map(|_| now + LATER);
                }
            }
        }
    }

    fn obey(&self, server: &dyn Server, act: Act, [from, to]: &[Port; 2]) {
        let (done, verb) = match act {
            Act::Connect => (server.connect(from, to), "connected"),
            Act::Disconnect => (server.disconnect(from, to), "disconnected"),
        };
        if let Err(reason) = done {
            (self.hearer.refused)(&format!("{} --> {} cannot be {verb}: {reason}", from.full_name(), to.full_name()));
        }
    }

    fn know(&self, survey: Option<Survey>, gone: Vec<Id>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.survey != survey || !gone.is_empty() {
            known.survey = survey;
            known.gone.extend(gone);
            drop(known);
            (self.hearer.changed)();
        }
    }
}
