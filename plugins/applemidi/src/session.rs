//! The end of a session that all elements share which name it.
//!
//! An element joins when it goes to READY, says there what it wants, and opens the session when it starts: the first to
//! start opens it as all together want it. The last one to stop closes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use applemidi_io::{Announcement, CallId, End, Host, Sighting, Stats};
use gst::glib;
use gst::prelude::*;

use crate::audience::{Audience, Seat};
use crate::inbox::Inbox;
use crate::lock::lock;
use crate::registry::Registry;
use crate::setup::{Setup, is_address};
use crate::surroundings::{Surroundings, Watch};
use crate::wishes::{Refusal, Wishes};

/// A session of this process.
struct Session {
    name: String,
    audience: Arc<Audience>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    members: BTreeMap<u64, Member>,
    open: Option<Open>,
}

/// What an element has said.
struct Member {
    wishes: Wishes,
    peers: Vec<String>,
}

/// The session while it runs. What is dropped first stands first.
struct Open {
    wishes: Wishes,
    users: BTreeSet<u64>,
    /// Who is called, and on behalf of how many elements.
    calls: HashMap<String, (CallId, usize)>,
    /// What it is to others around, and others to it, once it has looked around.
    around: Option<(Option<Announcement>, Watch)>,
    end: Arc<End>,
    host: Host,
}

/// An element belongs to its session as long as this lasts.
pub(crate) struct Membership {
    session: Arc<Session>,
    number: u64,
}

static SESSIONS: Registry<String, Session> = Registry::new();

impl Membership {
    /// Joins the session that `setup` names; `inbox` is given what it hears.
    pub(crate) fn join(
        setup: &Setup,
        element: &impl IsA<gst::Element>,
        inbox: Option<Arc<Inbox>>,
    ) -> Result<Self, gst::ErrorMessage> {
        let name = setup.session();
        let session = SESSIONS.get(name.clone(), || {
            let audience = Audience::new().map_err(|error| unable(&error))?;
            Ok(Session { name, audience: Arc::new(audience), state: Mutex::default() })
        })?;
        let mut state = lock(&session.state);
        state.admits(&setup.wishes).map_err(|refusal| session.refuse(&refusal))?;
        let number = state.next;
        state.next += 1;
        state.members.insert(number, Member { wishes: setup.wishes.clone(), peers: setup.peers() });
        drop(state);
        let element: glib::WeakRef<gst::Element> = element.upcast_ref::<gst::Element>().downgrade();
        session.audience.join(Seat { number, element, inbox });
        Ok(Self { session, number })
    }

    /// Opens the session, unless it is open, and calls those whom the element wants to call.
    pub(crate) fn open(&self) -> Result<Arc<End>, gst::ErrorMessage> {
        let session = &*self.session;
        let mut guard = lock(&session.state);
        let state = &mut *guard;
        let open = match &mut state.open {
            Some(open) => open,
            none => {
                let members = || state.members.values();
                let together = members().try_fold(Wishes::default(), |all, member| all.and(&member.wishes));
                let wishes = together.map_err(|refusal| session.refuse(&refusal))?;
                none.insert(session.open(wishes)?)
            }
        };
        open.users.insert(self.number);
        let peers = || state.members.get(&self.number).into_iter().flat_map(|member| &member.peers);
        if open.wishes.is_announced() || peers().any(|peer| !is_address(peer)) {
            session.look_around(open);
        }
        for peer in peers() {
            let (_, users) = open.calls.entry(peer.clone()).or_insert_with(|| (open.end.call(peer), 0));
            *users += 1;
        }
        Ok(open.end.clone())
    }

    /// The element stops: whom only it has called is called no more, and the last one closes the session.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.session.state);
        let State { members, open, .. } = &mut *state;
        let Some(opened) = open.as_mut().filter(|open| open.users.contains(&self.number)) else { return };
        opened.users.remove(&self.number);
        if opened.users.is_empty() {
            *open = None;
            return;
        }
        for peer in members.get(&self.number).iter().flat_map(|member| &member.peers) {
            if let Some((call, users)) = opened.calls.get_mut(peer) {
                *users -= 1;
                if *users == 0 {
                    opened.end.hang_up(*call);
                    opened.calls.remove(peer);
                }
            }
        }
    }

    /// The control port and the participants, while the session is open.
    pub(crate) fn stats(&self) -> Option<(u16, Vec<Stats>)> {
        let end = lock(&self.session.state).open.as_ref()?.end.clone();
        Some((end.port(), end.stats()))
    }

    /// The name of the session.
    pub(crate) fn name(&self) -> &str {
        &self.session.name
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.close();
        self.session.audience.leave(self.number);
        lock(&self.session.state).members.remove(&self.number);
    }
}

impl State {
    /// Whether an element with these wishes can join, beside those that have, or as the session is open.
    fn admits(&self, wishes: &Wishes) -> Result<(), Refusal> {
        let Some(Open { wishes: before, .. }) = &self.open else {
            return self.members.values().try_fold(wishes.clone(), |all, member| all.and(&member.wishes)).map(drop);
        };
        let differs = before.and(wishes).map_or_else(|(property, _)| Some(property), |all| before.difference(&all));
        let refuse = |property| Err((property, "the session is open already, with another value".to_owned()));
        differs.map_or(Ok(()), refuse)
    }
}

impl Session {
    fn open(&self, wishes: Wishes) -> Result<Open, gst::ErrorMessage> {
        let config = wishes.config(&self.name).map_err(|refusal| self.refuse(&refusal))?;
        let host = Host::start().map_err(|error| unable(&error))?;
        let (audience, name) = (self.audience.clone(), self.name.clone());
        let end = host.open(&config, move |event| audience.hear(&name, event));
        let end = Arc::new(end.map_err(|error| cannot_listen(&wishes, &error))?);
        let (users, calls) = (BTreeSet::new(), HashMap::new());
        Ok(Open { wishes, users, calls, around: None, end, host })
    }

    /// Sees and is seen by multicast DNS from now on.
    fn look_around(&self, open: &mut Open) {
        if open.around.is_some() {
            return;
        }
        match Surroundings::of(open.wishes.interface.as_deref()) {
            Ok(surroundings) => {
                open.host.look_around(surroundings.neighbourhood().clone());
                let watch = follow(&surroundings, &open.end, &open.wishes);
                let announce = || {
                    let announced = surroundings.neighbourhood().announce(&self.name, open.end.port());
                    self.or_warn(announced.map_err(|error| error.to_string()))
                };
                open.around = Some((open.wishes.is_announced().then(announce).flatten(), watch));
            }
            Err(error) => self.audience.warn(format!(
                "{error}; the session is neither announced nor are peers found by name. announce=false does without"
            )),
        }
    }

    fn or_warn<T>(&self, result: Result<T, String>) -> Option<T> {
        result.map_err(|error| self.audience.warn(format!("The session is not announced: {error}"))).ok()
    }

    fn refuse(&self, (property, why): &Refusal) -> gst::ErrorMessage {
        gst::error_msg!(gst::ResourceError::Settings, ("{property} of session {}: {why}", self.name))
    }
}

/// Whoever is announced may join where known hosts may, and those that are called are tried at once.
fn follow(surroundings: &Arc<Surroundings>, end: &Arc<End>, wishes: &Wishes) -> Watch {
    let (neighbourhood, of_watch, wishes) =
        (Arc::downgrade(surroundings.neighbourhood()), Arc::downgrade(end), wishes.clone());
    let latest = Arc::<Mutex<Option<Vec<IpAddr>>>>::default();
    let admit = move || {
        let (neighbourhood, end) = (neighbourhood.upgrade()?, of_watch.upgrade()?);
        // What has been looked at earlier must not come later.
        let mut latest = lock(&latest);
        let known = neighbourhood.hosts();
        // A host may announce thousands of names, one after the other.
        if latest.as_ref() != Some(&known) {
            end.set_admission(wishes.admitting(&known).ok()?);
            *latest = Some(known);
        }
        Some(())
    };
    let (told, of_sighting) = (admit.clone(), Arc::downgrade(end));
    let watch = surroundings.watch(move |sighting| {
        told();
        if let (Sighting::Announced(_), Some(end)) = (sighting, of_sighting.upgrade()) {
            end.hurry();
        }
    });
    // Of those who are announced already nothing is told.
    admit();
    watch
}

fn unable(error: &io::Error) -> gst::ErrorMessage {
    gst::error_msg!(gst::ResourceError::Failed, ("No session can run here: {error}"))
}

fn cannot_listen(wishes: &Wishes, error: &io::Error) -> gst::ErrorMessage {
    let port = wishes.port();
    let what = match port {
        0 => "Cannot listen on any two UDP ports".to_owned(),
        port => format!("Cannot listen on UDP ports {port} and {}", port + 1),
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => gst::error_msg!(
            gst::ResourceError::Busy,
            ("{what}: {error}. ss -ulpn 'sport = :{port}' names the program that has it; port=0 takes any, and elements \
              of one session have the same session-name")
        ),
        io::ErrorKind::PermissionDenied => gst::error_msg!(
            gst::ResourceError::OpenReadWrite,
            ("{what}: {error}. Ports below 1024 need special rights: choose a higher one")
        ),
        io::ErrorKind::AddrNotAvailable => {
            gst::error_msg!(gst::ResourceError::Settings, ("{what}: {error}. address must be one of this machine"))
        }
        _ => gst::error_msg!(gst::ResourceError::OpenReadWrite, ("{what}: {error}")),
    }
}
