//! Who is announced around: one look by multicast DNS for all of this process that want to know.

use std::sync::{Arc, Mutex};

use applemidi_io::{Neighbourhood, NoNeighbourhood, Peer, Sighting};

use crate::lock::lock;
use crate::registry::Registry;

/// The sessions that are announced on one network interface, or on all.
pub(crate) struct Surroundings {
    neighbourhood: Arc<Neighbourhood>,
    watchers: Arc<Mutex<Watchers>>,
}

/// Who is told of sightings, by a number.
#[derive(Default)]
struct Watchers {
    next: u64,
    all: Vec<(u64, Watcher)>,
}

type Watcher = Box<dyn FnMut(&Sighting) + Send>;

/// Somebody is told of sightings as long as this lasts.
pub(crate) struct Watch {
    surroundings: Arc<Surroundings>,
    number: u64,
}

static SURROUNDINGS: Registry<Option<String>, Surroundings> = Registry::new();

impl Surroundings {
    /// Those of an interface, or of all.
    pub(crate) fn of(interface: Option<&str>) -> Result<Arc<Self>, NoNeighbourhood> {
        SURROUNDINGS.get(interface.map(ToOwned::to_owned), || {
            let watchers = Arc::<Mutex<Watchers>>::default();
            let told = watchers.clone();
            let tell = move |sighting: &Sighting| {
                for (_, watcher) in &mut lock(&told).all {
                    watcher(sighting);
                }
            };
            let neighbourhood = Arc::new(Neighbourhood::open(interface, tell)?);
            Ok(Self { neighbourhood, watchers })
        })
    }

    pub(crate) const fn neighbourhood(&self) -> &Arc<Neighbourhood> {
        &self.neighbourhood
    }

    /// Tells `watcher` of sightings from now on. It must not begin or end a watch itself.
    pub(crate) fn watch(self: &Arc<Self>, watcher: impl FnMut(&Sighting) + Send + 'static) -> Watch {
        let mut watchers = lock(&self.watchers);
        let number = watchers.next;
        watchers.next += 1;
        watchers.all.push((number, Box::new(watcher)));
        Watch { surroundings: self.clone(), number }
    }
}

impl Watch {
    /// All who are announced now.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.surroundings.neighbourhood.peers()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.surroundings.watchers).all.retain(|(number, _)| *number != self.number);
    }
}
