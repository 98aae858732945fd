//! Who announces sessions around here, while one is held.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use applemidi_io::Neighbourhood;

use super::options::Options;
use crate::report::Reporter;

/// Who is announced here, unless nobody is to be looked for.
pub(super) struct Around {
    pub(super) neighbourhood: Option<Arc<Neighbourhood>>,
    has_changed: Arc<AtomicBool>,
}

impl Around {
    /// Looks around. A session runs without that as well.
    pub(super) fn look(options: &Options, reporter: &Reporter) -> Self {
        let has_changed = Arc::new(AtomicBool::new(false));
        let change = has_changed.clone();
        let open = || Neighbourhood::open(options.interface.as_deref(), move |_| change.store(true, Ordering::Relaxed));
        let neighbourhood = match (!options.no_mdns).then(open) {
            Some(Ok(neighbourhood)) => Some(Arc::new(neighbourhood)),
            Some(Err(error)) => {
                reporter.warn(&format!("warning: {error}"));
                None
            }
            None => None,
        };
        Self { neighbourhood, has_changed }
    }

    /// The hosts that announce sessions, if there are others than before.
    pub(super) fn news(&self) -> Option<Vec<IpAddr>> {
        let neighbourhood = self.neighbourhood.as_ref().filter(|_| self.has_changed.swap(false, Ordering::Relaxed))?;
        Some(neighbourhood.hosts())
    }
}
